"""What the general converters read and refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.compiler import GENERAL
from gateway.mapping.convert import ConvertContext, Converted, RowFacts, Unmappable
from gateway.mapping.moments import moment, stamp
from gateway.mapping.people import bsn_number
from gateway.mapping.r4 import find, problems
from gateway.mapping.tables import UnitTable
from tests.unit.mapping.kit import IDS

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
UNITS = UnitTable({"kg": ("kg", "kg"), "Cek": ("Cel", "°C")})


def read(name: str, value: Any, target: str = "", measured: Any = None, /, **options: Any) -> Any:
    row = RowFacts(
        options=options, target=target, zone=AMSTERDAM, units=UNITS, namespaces={"client": "https://ecd.example/client"}
    )
    return GENERAL[name](value, ConvertContext(row, IDS, "ecd-one", {}, {}, measured))


def plain(made: Any) -> Any:
    return made.value if isinstance(made, Converted) else made


@pytest.mark.parametrize(
    ("name", "value", "target", "expected"),
    [
        ("string", "  a\x00b ", "string", "ab"),
        ("string", "e\u0301", "string", "é"),
        ("string", 5, "string", "5"),
        ("string", "   ", "string", None),
        ("string", "a &amp; b", "string", "a &amp; b"),
        ("text", "a &amp;amp; b", "string", "a &amp; b"),
        ("text", "'s-Gravendijkwal", "string", "'s-Gravendijkwal"),
        ("boolean", "Ja", "boolean", True),
        ("boolean", 0, "boolean", False),
        ("integer", "12", "positiveInt", 12),
        ("decimal", "72,50", "decimal", Decimal("72.50")),
        ("decimal", Decimal("72.50"), "decimal", Decimal("72.50")),
        ("date", "05-04-2026", "date", "2026-04-05"),
        ("date", "2026-4-5", "date", "2026-04-05"),
        ("date", "2026-04", "date", "2026-04"),
        ("date", "2026-04-05T23:30:00Z", "date", "2026-04-06"),
        ("dateTime", "2026-04-05", "dateTime", "2026-04-05"),
        ("dateTime", "2026-04-05 09:30", "dateTime", "2026-04-05T09:30:00+02:00"),
        ("dateTime", "2026-01-05T09:30:00.120", "dateTime", "2026-01-05T09:30:00.120+01:00"),
        ("dateTime", "2026-04-05T09:30:00.000+0200", "dateTime", "2026-04-05T09:30:00.000+02:00"),
        ("instant", "2026-04-05T09:30:00Z", "instant", "2026-04-05T09:30:00Z"),
        ("time", "8:05", "time", "08:05:00"),
        ("concept", "x", "CodeableConcept", {"text": "x"}),
        ("bsn", "11122233 3", "secret", "111222333"),
    ],
)
def test_a_value_is_read_as_it_is_meant(name: str, value: Any, target: str, expected: Any) -> None:
    made = plain(read(name, value, target))

    assert made == expected
    assert str(made) == str(expected)


@pytest.mark.parametrize(
    ("name", "value", "target"),
    [
        ("string", ["a"], "string"),
        ("token", "a b", "code"),
        ("boolean", "misschien", "boolean"),
        ("integer", "1,5", "integer"),
        ("integer", 0, "positiveInt"),
        ("integer", True, "integer"),
        ("integer", 2**31, "integer"),
        ("decimal", "HI", "decimal"),
        ("decimal", "1.234,5", "decimal"),
        ("decimal", True, "decimal"),
        ("decimal", Decimal("1e400"), "decimal"),
        ("decimal", "٣", "decimal"),
        ("date", "2026-02-30", "date"),
        ("date", "30 februari", "date"),
        ("dateTime", "2026-04-05T25:00:00", "dateTime"),
        ("dateTime", "2026-04-05T10:00:00+19:00", "dateTime"),
        ("instant", "2026-04-05", "instant"),
        ("time", "24:00", "time"),
        ("bsn", "111222334", "secret"),
        ("bsn", "000000000", "secret"),
        ("bsn", "12345", "secret"),
    ],
)
def test_what_has_no_meaning_is_refused_without_naming_it(name: str, value: Any, target: str) -> None:
    with pytest.raises(Unmappable) as caught:
        read(name, value, target)

    assert str(value) not in str(caught.value)


def test_the_hour_that_occurs_twice_is_the_first_and_the_hour_that_does_not_exist_shifts() -> None:
    twice = stamp("2026-10-25T02:30:00", AMSTERDAM)
    never = stamp("2026-03-29T02:30:00", AMSTERDAM)

    assert isinstance(twice, Converted)
    assert isinstance(never, Converted)
    assert (twice.value, never.value) == ("2026-10-25T02:30:00+02:00", "2026-03-29T03:30:00+02:00")
    assert [note.action for note in (*twice.issues, *never.issues)] == ["first occurrence taken", "shifted by an hour"]


def test_a_time_without_offset_needs_a_zone() -> None:
    with pytest.raises(Unmappable, match="zone"):
        stamp("2026-10-25T12:30:00", None)


@given(at=st.datetimes(), zone=st.sampled_from(["Europe/Amsterdam", "UTC", "America/New_York"]))
def test_every_wall_time_becomes_a_moment_with_offset_or_is_refused(at: Any, zone: str) -> None:
    try:
        made = plain(stamp(at.isoformat(), ZoneInfo(zone)))
    except Unmappable:
        assert at.year in (1, 9999)
        return
    found = find("Observation", "effectiveDateTime")
    assert found is not None
    assert list(problems(found, made)) == []
    assert moment(made, None) is not None or at.year not in range(1800, 2201)


@given(digits=st.integers(1, 99_999_999))
def test_exactly_one_check_digit_or_none_passes_the_eleven_proof(digits: int) -> None:
    def passes(number: str) -> bool:
        try:
            return bsn_number(number) == number
        except Unmappable:
            return False

    assert sum(passes(f"{digits:08}{check}") for check in range(10)) <= 1


@pytest.mark.parametrize(
    ("value", "unit", "options", "expected"),
    [
        ("72,50", "kg", {}, {"value": Decimal("72.50"), "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}),
        ("37,2", "Cek", {}, {"value": Decimal("37.2"), "unit": "°C", "system": "http://unitsofmeasure.org", "code": "Cel"}),
        (
            "< 5",
            "kg",
            {},
            {"value": Decimal(5), "comparator": "<", "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
        ),
        ("5", "stone", {}, {"value": Decimal(5), "unit": "stone"}),
        ("5", None, {}, {"value": Decimal(5)}),
        ("5", "", {"unit": "kg"}, {"value": Decimal(5), "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}),
    ],
)
def test_a_quantity_has_a_code_only_for_a_unit_that_is_known(
    value: str, unit: Any, options: dict[str, Any], expected: Any
) -> None:
    assert plain(read("quantity", value, "Quantity", unit, **options)) == expected


@pytest.mark.parametrize(
    ("value", "unit", "options", "code"),
    [
        ("HI", "kg", {}, "value-invalid"),
        ("700", "kg", {"max": Decimal(650)}, "value-invalid"),
        ("70", "stone", {"allow": ["kg"]}, "unit-unknown"),
    ],
)
def test_a_quantity_that_is_refused_has_a_reason_for_its_absence(
    value: str, unit: str, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(Unmappable) as caught:
        read("quantity", value, "Quantity", unit, **options)

    assert caught.value.issue == code
    assert read("absent_reason", value, "CodeableConcept", unit, **options)["coding"][0]["code"] == "not-a-number"
    assert read("absent_reason", "70", "CodeableConcept", "kg", **options) is None


NAMES = {
    "given": "voornamen",
    "initials": "voorletters",
    "call": "roepnaam",
    "own_prefix": "v",
    "own_name": "n",
    "partner_prefix": "pv",
    "partner_name": "pn",
}


@pytest.mark.parametrize(
    ("order", "family"),
    [
        (None, "van Putten"),
        ("NL1", "van Putten"),
        ("NL2", "van der Giessen"),
        ("NL3", "van der Giessen-van Putten"),
        ("NL4", "van Putten-van der Giessen"),
    ],
)
def test_a_dutch_name_is_written_in_the_order_that_its_bearer_chose(order: str | None, family: str) -> None:
    person = {"voornamen": "Anna Maria", "v": "van", "n": "Putten", "pv": "van der", "pn": "Giessen", "orde": order}
    made = read("human_name", person, "HumanName", order="orde", **NAMES)
    found = find("Patient", "name")

    assert found is not None
    assert list(problems(found, made.value)) == []
    assert (made.value["family"], made.value["text"]) == (family, f"Anna Maria {family}")
    assert [one["valueString"] for one in made.value["_family"]["extension"]] == ["van", "Putten", "van der", "Giessen"]
    assert made.value["_given"][1]["extension"][0]["valueCode"] == "BR"
    assert made.sources["_family.extension[3]"] == "pn"


def test_a_name_of_initials_and_a_name_to_be_called_by_are_two_names() -> None:
    official, usual = plain(
        read("human_name", {"voorletters": "A.M.", "n": "Putten", "roepnaam": "Annie", "v": ""}, "HumanName", **NAMES)
    )

    assert (official["given"], official["_given"][0]["extension"][0]["valueCode"]) == (["A.", "M."], "IN")
    assert usual == {"use": "usual", "given": ["Annie"]}
    assert read("human_name", {"pv": "van"}, "HumanName", **NAMES) is None


def test_an_address_has_its_line_as_it_is_written_and_its_parts_beside_it() -> None:
    fields = {"street": "s", "number": "n", "suffix": "t", "postal_code": "p", "city": "c", "country": "l"}
    made = read(
        "address",
        {"s": "'s-Gravendijkwal", "n": 12, "t": "a", "p": "3014eb", "c": "Rotterdam", "l": "NL"},
        "Address",
        use="home",
        **fields,
    )
    found = find("Patient", "address")

    assert found is not None
    assert list(problems(found, made.value)) == []
    assert (made.value["line"], made.value["postalCode"], made.value["country"]) == (
        ["'s-Gravendijkwal 12 a"],
        "3014 EB",
        "Nederland",
    )
    assert [one["valueString"] for one in made.value["_line"][0]["extension"]] == ["'s-Gravendijkwal", "12", "a"]
    assert read("address", {"x": 1}, "Address", use="home", **fields) is None


@pytest.mark.parametrize(
    ("text", "value", "mobile"),
    [
        ("06-12345678", "+31612345678", True),
        ("+31 (0)30 123 45 67", "+31301234567", False),
        ("0031301234567", "+31301234567", False),
        ("bel de buren", "bel de buren", False),
    ],
)
def test_a_dutch_phone_number_becomes_international_and_another_text_stays(text: str, value: str, mobile: bool) -> None:
    made = read("contact_point", text, "ContactPoint", system="phone", use="home")

    assert (made["value"], "_system" in made) == (value, mobile)


def test_an_identifier_has_the_system_of_its_namespace() -> None:
    assert read("identifier", 12, "Identifier", namespace="client") == {"system": "https://ecd.example/client", "value": "12"}
    with pytest.raises(Unmappable):
        read("contact_point", "geen adres", "ContactPoint", system="email")
