"""``bench mapping``: messages that are all different, figures that say what was measured, and honesty about what isn't there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from api.bench.baselines import IN_PROCESS, LINUXFORHEALTH, linuxforhealth
from api.bench.mapping import mapping
from api.bench.messages import KINDS, messages


def test_no_two_messages_of_a_benchmark_are_alike() -> None:
    for kind in KINDS:
        made = list(messages(kind, 500))
        identities = [next(line for line in data.split(b"\r") if line.startswith(b"PID")).split(b"|")[3] for data in made]
        assert len(set(identities)) == 500
        assert made == list(messages(kind, 500))


def test_each_kind_has_its_figures_its_lineage_and_its_bars(tmp_path: Path) -> None:
    figures = mapping(20, 7, tmp_path, baselines=False)

    assert set(figures["kinds"]) == set(KINDS)
    for one in figures["kinds"].values():
        assert 0 < one["median_us"] <= one["p95_us"]
        assert one["resources"] > 1
        assert one["lineage"] > one["resources"]
        assert one["quarantined"] == 0
    assert {bar["met"] for bar in figures["bars"] if "missing" in bar} == {None}
    assert all("measured" in bar or "missing" in bar for bar in figures["bars"])


def test_an_engine_that_is_not_here_is_told_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hl7", "hl7apy.parser", "v2fhir.hl7.parser"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("PATH", str(tmp_path))

    figures = mapping(20, 7, tmp_path)

    for kind in KINDS:
        found = figures["kinds"][kind]["baselines"]
        assert set(found) == {*(one.name for one in IN_PROCESS), LINUXFORHEALTH}
        assert all("missing" in one for one in found.values())
    assert linuxforhealth({}, tmp_path) == {"missing": "not installed: java, javac, mvn"}
