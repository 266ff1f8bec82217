"""The configuration is checked before anything hangs on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.errors import Misconfigured


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("schedule: {zone: Europe/Amsterdm}", "schedule.zone"),
        ("schedule: {hours: [25]}", "schedule.hours"),
        ("schedule: {hours: []}", "schedule.hours"),
        ("sources: [{code: a, connector: ons, system: s, zone: Mars}]", "sources.0.zone"),
    ],
)
def test_a_wrong_hour_or_zone_is_named_and_refused(tmp_path: Path, wrong: str, said: str) -> None:
    path = tmp_path / "zorgsluis.yaml"
    path.write_text(f"organisations:\n  - code: o\n    name: O\n    {wrong}\n")

    with pytest.raises(Misconfigured, match=said):
        load_config(path)
