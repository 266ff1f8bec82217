"""The page about the sample ECD tells what there is."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from samples.ecd import admin, faults
from samples.ecd.changes import HAPPENINGS, PLANTS
from samples.ecd.generate import generate
from samples.ecd.truth import truth_lines

PAGE = (Path(__file__).parents[3] / "docs" / "sample-ecd.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", sorted({*HAPPENINGS, *PLANTS, *faults.KINDS}))
def test_every_happening_plant_and_fault_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE or f'"{word}"' in PAGE


@pytest.mark.parametrize("path", sorted({route.path for route in admin.ROUTES}))
def test_every_sample_route_is_on_the_page(path: str) -> None:
    name = path.removeprefix("/_sample/")

    assert f"POST {name}" in PAGE or f"GET {name}" in PAGE


def test_the_usual_organisation_has_about_a_hundred_resources_a_client() -> None:
    world = generate(clients=200, days=60, seed=7, today=date(2026, 11, 21))
    yields = {(line["stream"], line["key"], line["part"]): line["yields"] for line in truth_lines(world) if "summary" not in line}

    resources = sum((Counter(counts) for counts in yields.values()), Counter[str]())

    assert "About 107 FHIR resources a client" in PAGE
    assert round(resources.total() / 200) == 107
