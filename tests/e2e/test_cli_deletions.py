"""Deletions that were held, as an operator finds them, looks at them and decides."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.intake_world import ROOT, RunningEcd, running_ecd
from tests.kills.stage import environment

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def ecd(tmp_path: Path) -> Iterator[RunningEcd]:
    with running_ecd(tmp_path, clients=4, days=20) as ecd:
        yield ecd


@pytest.fixture
def say(empty_database_url: str, ecd: RunningEcd, tmp_path: Path) -> Say:
    """Run a command; return its exit code and all that it said."""
    source = {"code": "ons", "connector": "ons", "system": "ons-delinde", "settings": ecd.settings()}
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(yaml.safe_dump({"organisations": [{"code": "delinde", "name": "De Linde", "sources": [source]}]}))

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "api.cli", "--config", str(config), "--state", str(tmp_path), *arguments]
        given = {**environment(), "DATABASE_URL": empty_database_url}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def records(say: Say) -> dict[str, int]:
    """The reports in the first ledger after a run."""
    code, said = say("sync", "--json", "--clock", "2026-11-21T10:00:00")
    assert code == 0, said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{") and '"ledger"' in line]
    return next(line for line in lines if line["ledger"] == "records" and line["stream"] == "reports")


def test_a_person_looks_at_what_is_held_and_lets_it_go(say: Say, ecd: RunningEcd) -> None:
    assert say("sync", "--clock", "2026-11-21T06:00:00")[0] == 0
    assert say("quarantine", "deletions", "list")[0] == 0
    gone = {change["key"] for change in ecd.sample("change", count=30, ops=["report_deleted"])["changes"]}

    code, said = say("sync", "--clock", "2026-11-21T08:00:00")
    assert code == 1
    assert "held-deletions" in said
    assert "zorgsluis quarantine deletions list" in said

    code, said = say("quarantine", "deletions", "list", "--json")
    assert code == 1
    held = json.loads(said)
    assert (held["source"], held["stream"], held["records"], set(held["keys"])) == ("ons", "reports", 30, gone)

    code, said = say("quarantine", "deletions", "release", "ons", "reports", "--dry-run")
    assert code == 0
    assert {line.strip() for line in said.splitlines()[1:]} == {f"reports#{key}" for key in gone}
    assert say("quarantine", "deletions", "refuse", "ons", "reports", "--dry-run")[0] == 0
    assert json.loads(say("quarantine", "deletions", "list", "--json")[1]) == held

    assert say("quarantine", "deletions", "release", "ons", "reports", "--by", "j.jansen") == (
        *(0,),
        "ons reports: 30 records are deleted with the next slot, or zorgsluis sync\n",
    )
    assert say("quarantine", "deletions", "list")[0] == 0
    assert records(say)["deleted"] == 30


def test_what_was_refused_stays_and_is_judged_anew(say: Say, ecd: RunningEcd) -> None:
    assert say("sync", "--clock", "2026-11-21T06:00:00")[0] == 0
    ecd.sample("change", count=30, ops=["report_deleted"])
    assert say("sync", "--clock", "2026-11-21T08:00:00")[0] == 1

    assert say("quarantine", "deletions", "refuse", "ons", "reports") == (0, "ons reports: 30 records stay\n")
    assert say("quarantine", "deletions", "list")[0] == 0
    assert say("sync", "--clock", "2026-11-21T10:00:00")[0] == 1
    assert say("quarantine", "deletions", "list")[0] == 1


def test_naming_what_is_not_held_ends_in_exit_2_and_says_what_is(say: Say) -> None:
    for act in (["release"], ["release", "--dry-run"], ["refuse"], ["refuse", "--dry-run"]):
        code, said = say("quarantine", "deletions", *act, "ons", "reports")

        assert code == 2
        assert "no deletions of ons reports are held; held are: nothing at all" in said
