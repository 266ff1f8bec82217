"""Measurements that come as HL7 v2: numbers, units, and the two halves of a blood pressure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.jsonbytes import dumps
from tests.unit.mappings_hl7v2.results_messages import CLIENT, DIASTOLIC, ORDER, SYSTOLIC, WEIGHT, bodies, made, mapped, obx, oru

KG = "kg^kilogram^UCUM"
# The first example compiles the maps, on whatever machine: no deadline.
some = settings(max_examples=30, deadline=None)


@some
@given(st.integers(1, 649), st.text("0123456789", min_size=1, max_size=6), st.sampled_from(".,"))
def test_every_digit_of_a_measurement_is_kept(whole: int, fraction: str, sign: str) -> None:
    [weight] = bodies(oru(obx("NM", WEIGHT, f"{whole}{sign}{fraction}", KG)))

    assert str(weight["valueQuantity"]["value"]) == f"{whole}.{fraction}"


@pytest.mark.parametrize(
    ("value", "unit", "meant"),
    [
        ("61.4", "kg", ("61.4", "kg")),
        ("61.4", "Kg", ("61.4", "kg")),
        ("3250", "g^gram^UCUM", ("3250", "g")),
        ("72,4 kg", "", ("72.4", "kg")),
        ("72,4", "x^kilogram", ("72.4", "kg")),
    ],
)
def test_a_weight_has_the_unit_that_was_meant(value: str, unit: str, meant: tuple[str, str]) -> None:
    [weight] = bodies(oru(obx("NM", WEIGHT, value, unit)))

    assert (str(weight["valueQuantity"]["value"]), weight["valueQuantity"]["code"]) == meant


@pytest.mark.parametrize(
    ("value", "unit", "reason"),
    [
        ("HI", "kg", "as-text"),
        ("61.4", "", "as-text"),
        ("61.4", "stone", "as-text"),
        ("135", "[lb_av]", "as-text"),
        ("6140", "kg", "error"),
        ("61400000", "g", "error"),
        ("", "kg", "unknown"),
        ('""', "kg", "unknown"),
    ],
)
def test_what_is_no_weight_never_becomes_a_number_and_is_never_lost(value: str, unit: str, reason: str) -> None:
    [weight] = bodies(oru(obx("NM", WEIGHT, value, unit)))

    assert "valueQuantity" not in weight
    assert weight["dataAbsentReason"]["coding"][0]["code"] == reason
    assert value.strip('"') in str(weight.get("note", ""))


@pytest.mark.parametrize(("type_", "value"), [("SN", "<^5"), ("NM", "<5"), ("SN", "^<^5"), ("ST", "< 5")])
def test_a_comparator_is_kept_wherever_its_sender_puts_it(type_: str, value: str) -> None:
    [glucose] = bodies(oru(obx(type_, "15074-8^Glucose^LN", value, "mmol/L")))

    assert glucose["valueQuantity"] | {"unit": ""} == {
        "value": Decimal(5),
        "comparator": "<",
        "unit": "",
        "system": "http://unitsofmeasure.org",
        "code": "mmol/L",
    }


def test_glucose_in_milligrams_stays_what_was_sent_and_is_also_given_in_millimoles() -> None:
    [glucose] = bodies(oru(obx("NM", "2339-0^Glucose^LN", "140", "mg/dL")))

    assert (str(glucose["valueQuantity"]["value"]), glucose["valueQuantity"]["code"]) == ("140", "mg/dL")
    [added] = glucose["component"]
    assert (str(added["valueQuantity"]["value"]), added["valueQuantity"]["code"]) == ("7.8", "mmol/L")


def test_a_meter_that_prints_hi_gives_that_text() -> None:
    [glucose] = bodies(oru(obx("NM", "14743-9^Glucose^LN", "HI", "mmol/L")))

    assert glucose["valueString"] == "HI"


def _halves(body: dict[str, Any]) -> list[str]:
    return [
        str(part["valueQuantity"]["value"]) if "valueQuantity" in part else part["dataAbsentReason"]["coding"][0]["code"]
        for part in body["component"]
    ]


@pytest.mark.parametrize(
    ("lines", "meant"),
    [
        ([("NM", SYSTOLIC, "148"), ("NM", DIASTOLIC, "84")], [["148", "84"]]),
        ([("NM", DIASTOLIC, "84"), ("NM", SYSTOLIC, "148")], [["148", "84"]]),
        ([("NM", SYSTOLIC, "148")], [["148", "unknown"]]),
        ([("NM", DIASTOLIC, "84")], [["unknown", "84"]]),
        ([("ST", "85354-9^Bloeddruk^LN", "135/85")], [["135", "85"]]),
        ([("ST", "55284-4^Bloeddruk^LN", "135,5 / 85 mmHg")], [["135.5", "85"]]),
        ([("ST", "85354-9^Bloeddruk^LN", "hoog")], [["as-text", "as-text"]]),
    ],
)
def test_the_halves_of_a_blood_pressure_are_one_resource(lines: list[tuple[str, str, str]], meant: list[list[str]]) -> None:
    found = bodies(oru(*(obx(type_, code, value, "" if "/" in value else "mm[Hg]") for type_, code, value in lines)))

    assert [_halves(body) for body in found] == meant


def test_halves_of_another_moment_or_order_are_never_put_together() -> None:
    early, late = "20260310080000+0100", "20260310120000+0100"
    found = oru(
        obx("NM", SYSTOLIC, "148", "mm[Hg]", at=early),
        obx("NM", DIASTOLIC, "88", "mm[Hg]", at=late),
        "OBR|2||RES992^CARESS|85353-1^Vitale functies^LN|||20260310101500+0100",
        obx("NM", DIASTOLIC, "99", "mm[Hg]", at=early),
    )

    assert sorted(_halves(body) for body in bodies(found)) == [["148", "unknown"], ["unknown", "88"], ["unknown", "99"]]


def test_each_half_of_a_blood_pressure_is_traced_to_its_own_obx() -> None:
    [pressure] = oru(obx("NM", SYSTOLIC, "148", "mm[Hg]"), obx("NM", DIASTOLIC, "84", "mm[Hg]"))

    sources = {line.path: line.source for line in pressure.lineage}
    assert [sources[f"component[{half}].valueQuantity.value"] for half in (0, 1)] == ["OBX-5[1]", "OBX(2)-5[1]"]
    assert [sources[f"component[{half}].valueQuantity.code"] for half in (0, 1)] == ["OBX-6[1]", "OBX(2)-6[1]"]


PRESSURES = st.lists(
    st.tuples(st.sampled_from((SYSTOLIC, DIASTOLIC)), st.sampled_from(("", "1", "2")), st.integers(8, 10)), max_size=12
)


@some
@given(PRESSURES)
def test_every_half_that_was_measured_stands_in_exactly_one_blood_pressure(halves: list[tuple[str, str, int]]) -> None:
    lines = [
        obx("NM", code, str(100 + number), "mm[Hg]", sub=sub, at=f"202603101{hour - 8}0000+0100")
        for number, (code, sub, hour) in enumerate(halves)
    ]

    found = [value for body in bodies(oru(*lines)) for value in _halves(body) if value != "unknown"]

    assert sorted(found) == sorted(str(100 + number) for number in range(len(halves)))


ANY = st.text(st.characters(codec="utf-8", exclude_characters="\r\n|\x0b\x1c"), max_size=12)


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(("NM", "SN", "ST", "CWE", "DT", "TM", "TS", "ED", "RP", "DR", "", "XX")),
    st.lists(ANY, min_size=6, max_size=6),
)
def test_no_content_of_an_obx_costs_the_message(type_: str, texts: list[str]) -> None:
    value, unit, normal, flag, status, at = texts
    for code in (WEIGHT, SYSTOLIC, "85354-9", "14743-9^Glucose^LN", "72514-3", "X^Iets^L", ""):
        result = mapped("ORU^R01", CLIENT, ORDER, f"OBX|1|{type_}|{code}||{value}|{unit}|{normal}|{flag}|||{status}|||{at}")

        assert result.outcome in ("ok", "ok-with-issues"), (result.reason, [one.reason for one in result.issues])
        assert dumps(bodies(made(result)))
