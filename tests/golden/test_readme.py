"""The table of maps names every map, and no other."""

from __future__ import annotations

import re

from gateway.mapping.language import Reader
from gateway.mapping.versions import shipped_files
from tests.golden.cases import HERE

README = HERE.parents[1] / "mappings" / "ons" / "README.md"


def test_the_table_of_maps_names_every_map_with_its_profile() -> None:
    rows = [line.split("|") for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = {name for row in rows[1:] for name in re.findall(r"`([a-z_]+)`", row[2])}
    said = {
        word
        for row in rows[1:]
        for word in re.findall(r"nl-core-[A-Za-z0-9.-]+|(?:nursing-report|zorgleefplan|care-appointment)", row[4])
    }
    maps = Reader(shipped_files("ons")).maps()

    assert named == {text.name for text in maps}
    assert said == {str(text.key("profile")).rpartition("/")[2] for text in maps if text.key("profile")}
