"""The worked example of docs/mapping-language.md is what the product does."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.jsonbytes import canonical, loads
from gateway.mapping.compiler import GENERAL, compile_set
from gateway.mapping.convert import named
from gateway.mapping.language import _schema
from gateway.model import MapResult, SourceRecord
from tests.unit.mapping.kit import IDS

PAGE = (Path(__file__).parents[3] / "docs" / "mapping-language.md").read_text()
EXAMPLE = PAGE.partition("## Worked example")[2]
BLOCKS = re.findall(r"```(json|csv)\n(.*?)```", EXAMPLE, re.DOTALL)
FILES = dict(re.findall(r"`([a-z_]+\.(?:yaml|csv))`:\n\n```(?:yaml|csv)\n(.*?)```", EXAMPLE, re.DOTALL))


@pytest.fixture(scope="module")
def result() -> MapResult:
    maps = compile_set({name: text.encode() for name, text in FILES.items()}, {})
    body = next(text for kind, text in BLOCKS if kind == "json")
    return maps.map(SourceRecord(system="ons-delinde", kind="report", stream="reports", key="77", body=body.encode()), IDS)


def test_the_page_shows_four_files() -> None:
    assert sorted(FILES) == ["class_map.csv", "patient.yaml", "units.csv", "weight.yaml"]


def test_the_record_of_the_page_gives_the_resource_of_the_page(result: MapResult) -> None:
    shown = [text for kind, text in BLOCKS if kind == "json"][1]
    ids = {
        "OBSERVATION": IDS.resource_id("ons-delinde", "Observation", "report/77"),
        "PATIENT": IDS.resource_id("ons-delinde", "Patient", "client/12"),
    }
    for name, id_ in ids.items():
        shown = shown.replace(name, id_)

    (mapped,) = result.mapped

    assert canonical(mapped.body) == canonical(loads(shown))
    assert list(mapped.body) == list(loads(shown))
    assert (mapped.class_, mapped.patient, mapped.labels) == ("report/102", ids["PATIENT"], frozenset())
    assert mapped.data_at is not None
    assert mapped.data_at.isoformat() == "2026-10-25T02:30:00+02:00"


def test_its_issue_is_the_hour_that_occurs_twice(result: MapResult) -> None:
    assert [(one.code, one.row, one.action) for one in result.issues] == [
        ("value-invalid", "weight/W.5", "first occurrence taken"),
        ("value-invalid", "weight/W.9", "first occurrence taken"),
    ]


def test_its_lineage_has_the_lines_of_the_page(result: MapResult) -> None:
    shown = csv.DictReader([text for kind, text in BLOCKS if kind == "csv"][-1].splitlines())
    lines = {(one.path, one.origin, one.source or "", one.row) for one in result.mapped[0].lineage}

    assert {(row["path"], row["origin"], row["source"], row["row"]) for row in shown} <= lines


def test_every_converter_stands_on_the_page_with_all_its_options() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", PAGE.partition("## Converters")[2], re.MULTILINE))

    assert set(GENERAL) == set(table)
    for name, function in GENERAL.items():
        for option in named(function).options or ():
            assert f"`{option}`" in table[name] or f"{option}:" in table[name] or f"{option}: " in PAGE, (name, option)


def test_every_key_of_the_schema_stands_on_the_page() -> None:
    schema: Any = _schema().schema
    for key in (*schema["properties"], *schema["$defs"]["row"]["properties"]):
        assert f"`{key}`" in PAGE, key
