"""The table of maps of each set names every map, and no other."""

from __future__ import annotations

import re

import pytest

from gateway.mapping.language import Reader
from gateway.mapping.versions import shipped_files
from tests.golden.cases import HERE
from tests.golden.test_golden import SYSTEMS

MAPPINGS = HERE.parents[1] / "mappings"
PROFILE = re.compile(r"nl-core-[A-Za-z0-9.-]+|(?:nursing-report|zorgleefplan|care-appointment)")


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_table_of_maps_names_every_map_with_its_profile(system: str) -> None:
    page = (MAPPINGS / system / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    named = {name for row in rows[1:] for name in re.findall(r"`([a-z_]+)`", row[2])}
    said = {word for row in rows[1:] for word in PROFILE.findall(row[4])}
    maps = Reader(shipped_files(system)).maps()

    assert named == {text.name for text in maps}
    assert said == {str(text.key("profile")).rpartition("/")[2] for text in maps if text.key("profile")}


def test_every_row_for_hl7v2_says_which_row_of_the_guide_it_follows_or_why_none() -> None:
    rows = {row.label: row for text in Reader(shipped_files("hl7v2")).maps() for row in text.rows}

    assert [label for label, row in rows.items() if bool(row.get("ig")) == bool(row.get("own"))] == []
