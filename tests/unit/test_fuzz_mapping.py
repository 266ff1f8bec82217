"""Whatever comes in: the mapper doesn't raise, nothing is lost, no two patients mix, and time grows with length only.

``make fuzz`` runs it over 100,000 messages and writes what it found to ``docs/evidence/fuzz-mapping.json``.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.conversion import Conversion, Conversions
from gateway.er7 import units
from gateway.jsonbytes import dumps, loads
from gateway.mapping.versions import compile_shipped
from tests.mutated import mutated

COUNT = int(os.environ.get("FUZZ_MESSAGES", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "7"))
EVIDENCE = os.environ.get("FUZZ_EVIDENCE")
# What the engine says when something of ours broke and it caught that: no promise is kept by catching.
BROKEN = ("mapping failed", "the converter failed", "isn't of the target's type")


@cache
def converting() -> Conversions:
    return Conversions(maps=compile_shipped("hl7v2"))


def accounted(made: Conversion) -> bytes:
    """Judge one conversion and return its bundle's bytes."""
    assert made.outcome in ("ok", "ok-with-issues", "quarantined")
    assert (made.outcome == "ok") == (not made.issues)
    assert made.ack in ("AA", "AE", "AR", "CA", "CE", "CR", None)
    assert [issue.reason for issue in made.issues if any(sign in issue.reason for sign in BROKEN)] == []
    if made.outcome == "quarantined":
        assert any(issue.severity == "error" for issue in made.issues)
        assert made.bundle() is None
        return b""
    assert made.ack in ("AA", "CA")
    return dumps(made.bundle())


def test_no_mutated_message_breaks_the_mapper_or_gets_lost() -> None:
    began, outcomes, sizes = time.monotonic(), Counter[str](), Counter[str]()
    for data in mutated(COUNT, SEED):
        found = list(units(data))
        assert found
        assert [unit.index for unit in found] == list(range(len(found)))
        for unit in found:
            made = converting().of(unit)
            body = accounted(made)
            outcomes[f"{made.ack} {made.outcome}"] += 1
            sizes["bytes"] += len(body)
            sizes["units"] += 1
        sizes["inputs"] += 1
    assert len(outcomes) > 3
    if EVIDENCE:
        seconds = round(time.monotonic() - began, 1)
        _write(
            Path(EVIDENCE),
            {"seed": SEED, "seconds": seconds, **sizes, "exceptions": 0, "outcomes": dict(sorted(outcomes.items()))},
        )


def _write(path: Path, figures: dict[str, Any]) -> None:
    said = {"what": "mutated HL7 v2 inputs through splitter, judgement and maps", "python": platform.python_version(), **figures}
    path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def test_a_mutated_message_maps_the_same_every_time() -> None:
    for data in mutated(300, SEED + 1):
        for unit in units(data):
            assert accounted(converting().of(unit)) == accounted(converting().of(unit))


@given(st.binary(max_size=600))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_it(data: bytes) -> None:
    for unit in units(data):
        accounted(converting().of(unit))
    for unit in units(b"MSH|^~\\&|A|B|||20260101||ADT^A08|1|P|2.5\rPID|||1^^^A^PI||X^Y\r" + data):
        accounted(converting().of(unit))


# Two patients in one message


HEAD = "MSH|^~\\&|ECD|HUIS|GW|GW|20260310143005+0100||ORU^R01^ORU_R01|M1|P|2.5.1\r"
VITALS = (
    "8867-4^Hartfrequentie^LN",
    "8302-2^Lengte^LN",
    "15074-8^Glucose^LN",
    "X1^Eigen meting^L",
    "8480-6^Systolisch^LN",
    "8462-4^Diastolisch^LN",
)
UNITS = ("/min^^UCUM", "cm^^UCUM", "mmol/L^^UCUM", "kg^^UCUM", "mm[Hg]^^UCUM", "mm[Hg]^^UCUM")

USUAL = (70, 170, 7, 60, 120, 80)


@st.composite
def groups(draw: st.DrawFn) -> tuple[str, int]:
    """Draw an ORU with several patient groups, the first decimal of each value being the number of its patient."""
    lines, observations = [], 0
    for place in range(draw(st.integers(2, 5))):
        patient = draw(st.integers(1, 3))
        lines.append(f"PID|{place + 1}||{patient:05}^^^ECD^PI||Groot^Jan{patient}||19380412|M")
        lines += draw(st.sampled_from(([], [f"PV1|1|I||||||||||||||||V{patient}^^^ECD^VN"], ["NTE|1|L|bij deze client"])))
        for order in range(draw(st.integers(1, 3))):
            lines += draw(st.sampled_from(([], [f"ORC|RE|O{place}-{order}^ECD"])))
            lines.append(
                f"OBR|{order + 1}|O{place}-{order}^ECD|R{place}-{order}^ECD|85353-1^Vitale functies^LN|||20260310101500+0100"
            )
            for number in range(draw(st.integers(1, 4))):
                kind = draw(st.integers(0, len(VITALS) - 1))
                value = f"{USUAL[kind]}.{patient}{draw(st.integers(0, 9))}"
                lines.append(f"OBX|{number + 1}|NM|{VITALS[kind]}||{value}|{UNITS[kind]}|||||F|||20260310101500+0100")
                observations += 1
                lines += draw(st.sampled_from(([], ["NTE|1|L|bij deze meting"])))
    return HEAD + "\r".join(lines) + "\r", observations


def values(resource: dict[str, Any]) -> list[Any]:
    """Return every measured value of an Observation."""
    parts = [resource, *resource.get("component", [])]
    return [part["valueQuantity"]["value"] for part in parts if "valueQuantity" in part]


@given(groups())
@settings(max_examples=150, deadline=None)
def test_an_observation_is_always_its_own_groups_patients(drawn: tuple[str, int]) -> None:
    text, observations = drawn
    [made] = [converting().of(unit) for unit in units(text.encode())]
    if made.outcome == "quarantined":
        # Two results under one number can't both be kept as one: then none is, and the message waits for a person.
        assert any("one id" in issue.reason for issue in made.issues)
        return
    resources = [entry["resource"] for entry in loads(accounted(made))["entry"]]
    patients = {
        f"Patient/{one['id']}": next(name["given"][0] for name in one["name"] if "given" in name)
        for one in resources
        if one["resourceType"] == "Patient"
    }
    found = 0
    for one in resources:
        if one["resourceType"] == "Observation":
            number = patients[one["subject"]["reference"]].removeprefix("Jan")
            assert all(str(value).partition(".")[2].startswith(number) for value in values(one))
            found += len(values(one))
    assert found == observations


# Length


def with_text(megabytes: float, text: bytes) -> bytes:
    body = text * int(megabytes * 1_000_000 / len(text))
    return (
        b"MSH|^~\\&|ECD|HUIS|GW|GW|20260310143005+0100||MDM^T02^MDM_T02|M1|P|2.5.1\rEVN|T02|20260310143005+0100\r"
        b"PID|1||1^^^ECD^PI||Groot^Jan\rTXA|1|PN|TX|20260310110000+0100|||||||R1^ECD|||||LA\rOBX|1|TX|34109-9^R^LN||"
        + body
        + b"||||||F\r"
    )


@pytest.mark.parametrize("text", [b"rustig. ", rb"a\.br\b", rb"\T\ ", b"a~b", b"a^b&c", b"\xc3\xa9 ", b"\\", b"\n"])
def test_a_text_four_times_as_long_takes_no_more_than_linear_time(text: bytes) -> None:
    # CPU time, and a bound halfway between linear (4) and quadratic (16): what it tells apart no load of the machine can blur.
    assert spent(with_text(1, text)) < 10 * spent(with_text(0.25, text))


def spent(data: bytes) -> float:
    """Return the least CPU seconds of three conversions."""
    taken = []
    for _ in range(3):
        began = time.thread_time()
        for unit in units(data):
            accounted(converting().of(unit))
        taken.append(time.thread_time() - began)
    return min(taken)
