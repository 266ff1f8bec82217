"""What other engines got wrong on Dutch messages, asked of ours: one admission with everything, read down to each element."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from gateway.mapping.golden import IDS
from gateway.mapping.versions import compile_shipped
from gateway.model import Mapped, MapResult, SourceRecord
from gateway.store.patch import merged
from tests.golden.cases import HERE

BODY = (HERE / "hl7v2-adt" / "admitted-with-everything.source.hl7").read_text(encoding="ascii")
HL7 = "http://hl7.org/fhir/StructureDefinition/"


def mapped(body: str, kind: str = "adt") -> MapResult:
    """Return what becomes of a message."""
    record = SourceRecord(system="caress-oost", kind=kind, stream=kind, key="1", body=body.encode())
    return compile_shipped("hl7v2").map(record, IDS)


@cache
def admission() -> MapResult:
    return mapped(BODY)


def of(type_: str, result: MapResult | None = None) -> list[Mapped]:
    return [one for one in (result or admission()).mapped if one.type == type_]


def body(type_: str, result: MapResult | None = None) -> dict[str, Any]:
    return of(type_, result)[0].body


def changed(old: str, new: str) -> MapResult:
    """Return what becomes of the admission with a text changed."""
    assert old in BODY
    return mapped(BODY.replace(old, new))


def test_a_repeated_name_or_address_is_a_name_or_address_more() -> None:
    patient = body("Patient")

    assert [name["use"] for name in patient["name"]] == ["official", "usual"]
    assert [address["postalCode"] for address in patient["address"]] == ["7311 AB", "7300 AA"]


def test_the_bsn_is_a_secret_and_the_client_number_the_identifier() -> None:
    (patient,) = of("Patient")

    assert patient.secrets == {"bsn": "999911120"}
    assert [(one["value"], one["system"].rpartition("/")[2]) for one in patient.body["identifier"]] == [("0012345", "CARESS")]
    assert not [one for one in admission().mapped if "999911120" in str(one.body)]


def test_a_family_name_keeps_its_parts() -> None:
    name = body("Patient")["name"][0]

    assert name["family"] == "van den Berg-Jansen"
    assert {one["url"].removeprefix(HL7): one["valueString"] for one in name["_family"]["extension"]} == {
        "humanname-own-prefix": "van den",
        "humanname-own-name": "Berg",
        "humanname-partner-name": "Jansen",
    }


def test_an_address_has_one_line_and_its_parts() -> None:
    address = body("Patient")["address"][0]

    assert address["line"] == ["Dorpsstraat 12 a"]
    assert [one["valueString"] for one in address["_line"][0]["extension"]] == ["Dorpsstraat", "12", "a"]
    assert (address["city"], address["postalCode"], address["country"], address.get("state")) == (
        "Apeldoorn",
        "7311 AB",
        "Nederland",
        None,
    )


def test_a_measurement_has_loinc_and_ucum_and_the_digits_that_were_sent() -> None:
    observation = body("Observation")

    assert observation["code"]["coding"][0]["system"] == "http://loinc.org"
    quantity = observation["valueQuantity"]
    assert (str(quantity["value"]), quantity["system"], quantity["code"]) == ("61.4", "http://unitsofmeasure.org", "kg")
    assert "component" not in observation
    assert str(body("Observation", changed("||61.4|", "||72.40|"))["valueQuantity"]["value"]) == "72.40"


def test_no_death_is_a_boolean() -> None:
    assert body("Patient")["deceasedBoolean"] is False


def test_an_offset_is_kept() -> None:
    assert body("Encounter")["period"] == {"start": "2026-03-10T14:00:00+01:00"}
    assert body("Observation")["effectiveDateTime"] == "2026-03-10T10:15:00+01:00"


def test_escapes_are_resolved() -> None:
    result = changed("huiduitslag", "huiduitslag \\T\\ jeuk\\.br\\na 2 dagen")

    assert body("AllergyIntolerance", result)["reaction"][0]["manifestation"] == [{"text": "huiduitslag & jeuk\nna 2 dagen"}]


def test_marital_status_and_contacts_are_mapped() -> None:
    assert body("Patient")["maritalStatus"]["coding"][0] == {
        "system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",
        "code": "W",
        "display": "Widowed",
    }
    contacts = of("RelatedPerson")
    assert [one.body["name"][0]["text"] for one in contacts] == ["dhr. Pieter van den Berg", "mevr. Els Jansen"]
    assert [[two["coding"][0]["code"] for two in one.body["relationship"]] for one in contacts] == [
        ["23", "CHILD"],
        ["23", "SIB"],
    ]


def test_a_relation_that_no_table_knows_is_kept_and_reported() -> None:
    result = changed("CHILD^zoon^HL70063", "PLEEGZ^pleegzoon^L")

    assert [(one.code, one.source_path) for one in result.issues] == [("code-unmapped", "NK1-3[1]")]
    kept = body("RelatedPerson", result)["relationship"][1]
    assert (kept["coding"][0]["code"], kept["text"]) == ("PLEEGZ", "pleegzoon")


@pytest.mark.parametrize("old", ["ZVV|1|VPT|4VV|TEAM-OOST", "PV2|"])
def test_a_segment_more_or_less_costs_nothing_else(old: str) -> None:
    result = mapped(re.sub(f"{re.escape(old)}[^\r]*\r", "", BODY))

    assert result.outcome == "ok"
    assert len(result.mapped) == len(admission().mapped)


def test_a_bad_value_costs_its_element_alone() -> None:
    result = changed("19380412", "19381341")

    assert [(one.code, one.source_path, one.action) for one in result.issues] == [
        ("value-invalid", "PID-7[1]", "element omitted")
    ]
    assert "birthDate" not in body("Patient", result)
    assert len(result.mapped) == len(admission().mapped)


def test_what_is_said_to_be_empty_takes_the_element_away_and_what_is_empty_leaves_it() -> None:
    result = changed("||19380412|F|", '||""||')
    patient = body("Patient", result)

    assert patient["birthDate"] == ""
    assert "gender" not in patient


def test_the_same_message_gives_the_same_resources() -> None:
    def said(result: MapResult) -> list[Any]:
        return [(one.body, one.secrets, list(one.lineage)) for one in result.mapped]

    assert said(mapped(BODY)) == said(admission())


def test_an_update_never_says_that_a_record_counts() -> None:
    """So that one on a merged record doesn't bring it back: only a merge says which record counts."""
    assert "active" not in body("Patient", changed("ADT^A01^ADT_A01", "ADT^A08^ADT_A01"))
    survivor, prior = of("Patient", mapped((HERE / "hl7v2-adt" / "merged.source.hl7").read_text()))
    assert (survivor.body["active"], survivor.body["link"][0]["type"]) == (True, "replaces")
    assert (prior.body["active"], prior.body["link"][0]["type"]) == (False, "replaced-by")
    assert survivor.body["link"][0]["other"]["reference"] == f"Patient/{prior.id}"
    assert prior.body["link"][0]["other"]["reference"] == f"Patient/{survivor.id}"


def test_the_client_is_the_same_in_every_kind_of_message() -> None:
    seen = {one.patient for kind in ("oru", "mdm", "siu") for one in mapped(BODY, kind).mapped if one.patient}

    assert seen <= {of("Patient")[0].id}


def test_an_authority_that_the_source_calls_its_own_way_never_lets_a_bsn_into_a_key() -> None:
    maps = compile_shipped("hl7v2")
    lines = BODY.replace("999911120^^^NLMINBIZA^NNNLD~0012345^^^CARESS^PI", "999911120^^^GBA&2.16.840.1.113883.2.4.6.3&ISO^PI")
    record = SourceRecord(system="caress-oost", kind="adt", stream="adt", key="1", body=lines.encode())
    (patient,) = of("Patient", maps.map(record, IDS))

    assert patient.id == IDS.resource_id("caress-oost", "Patient", f"client/bsn-{IDS.keyed_hash('999911120').hex()[:32]}")
    assert patient.secrets == {"bsn": "999911120"}
    assert "identifier" not in patient.body


def test_of_several_professionals_in_one_field_each_is_who_they_are() -> None:
    result = changed("|01004567^Visser^A.^^^dr.^^^VEKTIS||90001234^Bakker", "|4711^de Wit^B.~4712^Smit^C.||90001234^Bakker")
    roles = {one.id: one for one in of("PractitionerRole", result)}
    attending = [one["individual"] for one in body("Encounter", result)["participant"][:2]]

    assert [one["display"] for one in attending] == ["B. de Wit", "C. Smit"]
    shown = [roles[one["reference"].partition("/")[2]].body["practitioner"]["display"] for one in attending]
    assert shown == ["B. de Wit", "C. Smit"]
    (line,) = (one for one in roles[attending[1]["reference"].partition("/")[2]].lineage if one.path == "practitioner.display")
    assert (line.source or "").startswith("PV1-7[2]")


def test_a_discharge_that_is_cancelled_leaves_no_end_and_a_death_no_other_word_about_it() -> None:
    stay = body("Encounter", changed("ADT^A01^ADT_A01", "ADT^A13^ADT_A01"))
    stored = {
        "period": {"start": "2026-03-10", "end": "2026-04-10"},
        "hospitalization": {"dischargeDisposition": {"text": "huis"}},
    }

    assert "end" not in merged(stored, stay)["period"]
    assert "hospitalization" not in merged(stored, stay)
    died = merged({"deceasedBoolean": False}, {"deceasedDateTime": "2026-03-09", "_deceasedDateTime": {"id": "a"}})
    assert died == {"deceasedDateTime": "2026-03-09", "_deceasedDateTime": {"id": "a"}}


def test_an_older_form_of_a_merge_is_one_too() -> None:
    text = (HERE / "hl7v2-adt" / "merged.source.hl7").read_text().replace("ADT^A40^ADT_A39", "ADT^A34^ADT_A30")

    assert [one.body["active"] for one in of("Patient", mapped(text))] == [True, False]


def test_whoever_took_the_place_of_several_replaces_each_of_them() -> None:
    text = (HERE / "hl7v2-adt" / "merged.source.hl7").read_text()
    first, again, second = (
        of("Patient", mapped(text.replace("0009999", number))) for number in ("0009999", "0009999", "0008888")
    )
    gone = {f"Patient/{some[1].id}" for some in (first, second)}
    survivor: dict[str, Any] = {}
    for some in (first, again, second):
        survivor = merged(survivor, some[0].body)

    assert len(gone) == len(survivor["link"]) == 2
    assert {link["other"]["reference"] for link in survivor["link"]} == gone
    assert {link["type"] for link in survivor["link"]} == {"replaces"}


def test_a_record_points_to_the_one_that_counts_now_and_keeps_what_it_replaced_itself() -> None:
    replaced, middle, last = ({"other": {"reference": f"Patient/{name}"}} for name in "abc")
    stored = {"link": [{**replaced, "type": "replaces"}, {**middle, "type": "replaced-by"}]}

    assert merged(stored, {"link": [{**last, "type": "replaced-by"}]})["link"] == [
        {**replaced, "type": "replaces"},
        {**last, "type": "replaced-by"},
    ]
    assert merged(stored, {"link": [{**replaced, "type": "replaced-by"}]})["link"] == [{**replaced, "type": "replaced-by"}]
