"""Messages of HL7 v2 that come twice, late or crossed: what people see is what was true last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hl7_world import adt, record
from tests.integration.mapping_world import Bench

STORED = """
select resource.rtype || '/' || resource.rid as name, resource.version, convert_from(resource.body, 'UTF8') as body
from resource where not resource.deleted order by 1"""
MORNING, NOON, EVENING = "20260310080000+0100", "20260310120000+0100", "20260310200000+0100"


@pytest.fixture
def bench(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path / "state", database_url, capsys, monkeypatch, code="vesta", system="vesta")
    bench.folder.mkdir()
    bench.configure(connector="hl7v2")
    return bench


def taken(bench: Bench, *bodies: bytes, one_by_one: bool = True) -> dict[str, tuple[int, Any]]:
    """Take messages in, in this order, and return (version, body) of what is stored by its name."""
    groups = [[body] for body in bodies] if one_by_one else [list(bodies)]
    for group in groups:
        bench.journal([record(body) for body in group], "hl7v2")
        bench.map_all()
    return {row.name: (row.version, json.loads(row.body)) for row in bench.rows(STORED)}


def of(stored: dict[str, tuple[int, Any]], type_: str) -> list[Any]:
    return [body for name, (_, body) in stored.items() if name.startswith(f"{type_}/")]


def families(stored: dict[str, tuple[int, Any]]) -> list[str]:
    return [body["name"][0]["family"] for body in of(stored, "Patient") if "name" in body]


@pytest.mark.parametrize("number", ["1", "2"], ids=["the same message", "the same content under another number"])
def test_what_comes_twice_makes_no_new_version(bench: Bench, number: str) -> None:
    first = taken(bench, adt(at=MORNING))

    again = taken(bench, adt(at=MORNING, number=number))

    assert {name: version for name, (version, _) in again.items()} == dict.fromkeys(first, 1)


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "in one batch"])
def test_a_late_older_name_never_overwrites_a_newer_one(bench: Bench, one_by_one: bool) -> None:
    stored = taken(
        bench,
        adt("A08", at=EVENING, family="Nieuw", number="2"),
        adt("A08", at=MORNING, family="Oud", number="1"),
        one_by_one=one_by_one,
    )

    assert families(stored) == ["Nieuw"]


def test_a_late_older_status_never_overwrites_a_newer_one(bench: Bench) -> None:
    stored = taken(bench, adt("A03", at=EVENING, number="2"), adt("A01", at=MORNING, number="1"))

    [encounter] = of(stored, "Encounter")
    assert encounter["status"] == "finished"


def test_an_update_under_the_old_number_leaves_a_merge_as_it_is(bench: Bench) -> None:
    stored = taken(
        bench,
        adt("A08", client="100", at=MORNING, number="1"),
        adt("A08", client="200", at=MORNING, number="2"),
        adt("A40", client="200", mrg="100", at=NOON, number="3"),
        adt("A08", client="100", family="Terug", at=EVENING, number="4"),
    )

    merged = [body for body in of(stored, "Patient") if any(link["type"] == "replaced-by" for link in body.get("link", []))]
    assert len(merged) == 1
    assert merged[0]["active"] is False
    assert not any(
        link.get("type") == "replaced-by"
        for body in of(stored, "Patient")
        if body is not merged[0]
        for link in body.get("link", [])
    )


def test_a_merge_that_comes_before_the_last_update_under_the_old_number_holds(bench: Bench) -> None:
    late = taken(
        bench,
        adt("A40", client="200", mrg="100", at=NOON, number="3"),
        adt("A08", client="100", at=MORNING, number="1"),
        adt("A08", client="200", at=MORNING, number="2"),
    )

    [merged] = [body for body in of(late, "Patient") if body.get("active") is False]
    assert [link["type"] for link in merged["link"]] == ["replaced-by"]


def test_a_merge_there_and_back_ends_with_the_last_word(bench: Bench) -> None:
    stored = taken(
        bench,
        adt("A08", client="100", at=MORNING, number="1"),
        adt("A08", client="200", at=MORNING, number="2"),
        adt("A40", client="200", mrg="100", at=NOON, number="3"),
        adt("A40", client="100", mrg="200", at=EVENING, number="4"),
    )

    replaced = {
        body["identifier"][0]["value"]: body.get("active")
        for body in of(stored, "Patient")
        if any(link["type"] == "replaced-by" for link in body.get("link", []))
    }
    assert set(replaced) >= {"200"}
    assert replaced["200"] is False
