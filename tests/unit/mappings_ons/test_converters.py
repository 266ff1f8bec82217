"""The converters of the Ons-shaped source, and what the general ones make of its people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity import IdSpace
from gateway.jsonbytes import dumps
from gateway.mapping import ConvertContext, Converted
from gateway.mapping.convert import RowFacts
from gateway.mapping.tables import read_units
from gateway.mapping.versions import compile_shipped, shipped_files
from gateway.model import MapResult, SourceRecord
from mappings.ons.agenda import employee_participant
from mappings.ons.goal_note import goal_note
from mappings.ons.identifiers import record_identifier, soap_line_identifier
from mappings.ons.measurement import absent_measurement, measurement_note
from mappings.ons.names import calling_name, official_name
from mappings.ons.report_text import report_text

IDS = IdSpace(namespace=UUID(int=7), hash_key=b"unit tests only")
KG = {"entries": ["weight"], "min": 0.2, "max": 650, "allow": ["kg"]}


def context(options: Mapping[str, Any] | None = None, record: Any = None) -> ConvertContext:
    """Return what a row would give a converter."""
    facts = RowFacts(options=options or {}, units=read_units("units.csv", shipped_files("ons")["units.csv"]))
    return ConvertContext(facts, IDS, "ons-unit", record, record, None)


def weighed(value: Any, unit: str = "kg", comment: str = "") -> dict[str, Any]:
    """Return a report of a weight."""
    return {"comment": comment, "reportEntries": [{"name": "weight", "value": value, "unit": unit, "displayName": "Gewicht"}]}


def reason(record: Mapping[str, Any], options: Mapping[str, Any] = KG) -> str | None:
    """Return the code for which there is no value, if there is none."""
    found = absent_measurement(record, context(options))
    return None if found is None else found["coding"][0]["code"]


@pytest.mark.parametrize(
    ("value", "unit", "code"),
    [
        ("72,4", "kg", None),
        ("72.40", "kilo", None),
        ("<2,0", "Kg", None),
        ("64.5", "", None),
        ("HI", "kg", "as-text"),
        ("72,4,1", "kg", "as-text"),
        ("160", "lb", "as-text"),
        ("72400", "kg", "error"),
        ("-3", "kg", "error"),
        ("", "kg", "unknown"),
        (None, "kg", "unknown"),
    ],
)
def test_a_value_that_can_not_be_used_says_why(value: str | None, unit: str, code: str | None) -> None:
    assert reason(weighed(value, unit)) == code


def test_a_measurement_without_its_entry_is_unknown() -> None:
    assert reason({"reportEntries": []}) == "unknown"


def test_a_half_point_is_text_where_only_whole_numbers_count() -> None:
    assert reason(weighed("4,5", ""), {"entries": ["weight"], "min": 0, "max": 10, "whole": True}) == "as-text"


@given(value=st.text(max_size=12))
def test_what_is_written_is_either_a_value_or_in_the_note(value: str) -> None:
    record = weighed(value)
    note = measurement_note(record, context(KG))

    assert (reason(record) is None or not value.strip()) == (note is None)
    if note is not None:
        assert value.strip() in note


def test_the_note_keeps_the_comment_and_the_words_of_the_meter() -> None:
    note = measurement_note(weighed("HI", comment="Arm te dik &amp; pijnlijk."), context(KG))

    assert note == "Arm te dik & pijnlijk.\nGenoteerd als: Gewicht: HI kg"


def test_escapes_are_resolved_exactly_once() -> None:
    assert report_text({"comment": "a &amp;lt; b"}, context()) == "a &lt; b"


def test_a_report_without_a_word_has_no_text() -> None:
    assert report_text({"comment": "  ", "reportEntries": [{"name": "x", "value": ""}]}, context()) is None


def test_an_identifier_names_the_record_system() -> None:
    found = record_identifier(1001, context({"kind": "client"}))

    assert found == {"system": "https://zorgsluis.example/fhir/NamingSystem/ons-unit/client", "value": "1001"}


def test_lines_of_one_report_have_identifiers_of_their_own() -> None:
    made = [soap_line_identifier({"soapPart": part}, context(record={"id": 7}))["value"] for part in ("plan", "objective")]

    assert made == ["7-plan", "7-objective"]


def test_teams_and_rooms_are_no_participants() -> None:
    assert employee_participant({"teamId": 4, "accepted": True}, context()) is None


def test_an_employee_who_has_not_answered_needs_to() -> None:
    made = employee_participant({"employeeId": 3}, context())

    assert made is not None
    assert made["status"] == "needs-action"
    assert made["actor"] == {"reference": f"PractitionerRole/{IDS.resource_id('ons-unit', 'PractitionerRole', 'employee/3')}"}


def test_remarks_of_a_need_and_its_goal_become_one_note() -> None:
    entry = {"demandEntry": {"comment": "Zelf gevraagd."}, "goalEntry": {"comment": "Haalbaar."}}

    assert goal_note(entry, context()) == "Zelf gevraagd.\nHaalbaar."
    assert goal_note({"demandEntry": None}, context()) is None


FIELDS = {
    "use": "official",
    "given": "firstName",
    "initials": "initials",
    "own_prefix": "birthNamePrefix",
    "own_name": "birthName",
    "partner_prefix": "partnerNamePrefix",
    "partner_name": "partnerName",
    "order": "preferredNameType",
}


@pytest.mark.parametrize(
    ("order", "family", "code"),
    [
        ("birthName", "van Putten", "NL1"),
        ("partnerName", "van der Giessen", "NL2"),
        ("partnerNameBirthName", "van der Giessen-van Putten", "NL3"),
        ("birthNamePartnerName", "van Putten-van der Giessen", "NL4"),
        ("nickname", "van Putten", None),
    ],
)
def test_family_names_stand_in_the_order_that_the_person_uses(order: str, family: str, code: str | None) -> None:
    person = {
        "firstName": "Johanna Maria",
        "birthNamePrefix": "van",
        "birthName": "Putten",
        "partnerNamePrefix": "van der",
        "partnerName": "Giessen",
        "preferredNameType": order,
    }
    made = official_name(person, context(FIELDS))

    assert isinstance(made, Converted)
    assert made.value["family"] == family
    assert made.value["text"] == f"Johanna Maria {family}"
    assert [extension["valueCode"] for extension in made.value.get("extension", [])] == ([code] if code else [])


def test_a_roepnaam_is_a_name_of_its_own() -> None:
    assert calling_name(" Annie ", context()) == {"use": "usual", "given": ["Annie"]}
    assert calling_name("", context()) is None


def mapped_client(**fields: Any) -> MapResult:
    """Return what becomes of a client with these fields."""
    body = dumps({"id": 1, "birthName": "Vos", "addresses": [], **fields})
    record = SourceRecord(system="ons-unit", kind="client", stream="clients", key="1", body=body)
    return compile_shipped("ons").map(record, IDS)


@pytest.mark.parametrize(
    ("bsn", "kept"), [("999000103", None), ("999000100", None), ("111222333", "111222333"), ("12345678", None)]
)
def test_only_a_bsn_that_passes_the_11_proef_is_kept_and_never_in_the_body(bsn: str, kept: str | None) -> None:
    result = mapped_client(bsn=bsn)

    assert result.mapped[0].secrets.get("bsn") == kept
    assert bsn.encode() not in dumps(result.mapped[0].body)
    assert [issue.masked for issue in result.issues] == ([] if kept else ["****"])


@pytest.mark.parametrize(
    "written", ["06-00012345", "0600012345", "06 0001 2345", "+31600012345", "0031 6 00012345", "+31 (0)6 00012345"]
)
def test_a_mobile_number_is_marked_and_written_as_the_world_does(written: str) -> None:
    (point,) = mapped_client(mobilePhone=written).mapped[0].body["telecom"]

    assert point["value"] == "+31600012345"
    assert point["_system"]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "MC"
    assert "use" not in point


def test_a_number_that_is_none_is_kept_as_it_is_written() -> None:
    (point,) = mapped_client(mobilePhone="via de balie").mapped[0].body["telecom"]

    assert point == {"system": "phone", "value": "via de balie"}


def test_an_address_is_a_line_with_its_parts_beside_it() -> None:
    home = {
        "typeString": "Living",
        "street": "'s-Gravenweg",
        "homeNumber": 15,
        "homeNumberExtension": "A bis",
        "zipcode": "7141ab",
    }
    (address,) = mapped_client(addresses=[home, {**home, "typeString": "Postal"}]).mapped[0].body["address"]

    assert address["line"] == ["'s-Gravenweg 15 A bis"]
    assert [part["valueString"] for part in address["_line"][0]["extension"]] == ["'s-Gravenweg", "15", "A bis"]
    assert address["postalCode"] == "7141 AB"
