"""Neighbours that are down, refuse, stammer or send nonsense: a clear line, the right exit code, and nothing lost.

Each test has an ECD and a portal of its own; time is moved on between two runs where a wait has to pass.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from api.demonstration.setup import configure
from gateway.postgres import start
from gateway.state import postgres_folder
from samples.comparison import compare
from tests.conftest import reachable_folder
from tests.e2e.personal import Personal, personal
from tests.kills.stage import NOWHERE, SEVEN, Prepared, Stage, contents, prepared, staged

LATER = SEVEN + timedelta(hours=4)
DONE, ASIDE, COULD_NOT_RUN = 0, 1, 3
# What the commands of a test printed.
OUTPUTS: list[str] = []


@pytest.fixture(scope="module")
def organisation(worker_id: str) -> Iterator[Prepared]:
    with prepared(reachable_folder(f"bad-input-{worker_id}")) as organisation:
        yield organisation


@pytest.fixture(scope="module")
def people(organisation: Prepared) -> Personal:
    """Whom no output may name; the same people in every copy."""
    return personal(organisation)


@pytest.fixture
def stage(organisation: Prepared) -> Iterator[Stage]:
    """A copy of the organisation with its database running, so that each command finds it up."""
    folder = reachable_folder(f"{organisation.files.folder.name}-copy")
    with staged(organisation, folder, own_ecd=True) as stage, start(postgres_folder(folder)):
        yield stage


@pytest.fixture(autouse=True)
def nobody_is_named(people: Personal) -> Iterator[None]:
    """Whatever goes wrong: no name, number or text of a person in what a command prints or logs."""
    OUTPUTS.clear()
    yield
    assert OUTPUTS
    assert people.found_in("\n".join(OUTPUTS)) == []


def sync(stage: Stage, at: datetime, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``zorgsluis sync`` at an instant; both ledgers are printed, and balance, whatever happened."""
    done = stage.run("sync", *options, "--clock", at.strftime("%Y-%m-%dT%H:%M:%S"))
    OUTPUTS.append(done.stdout + done.stderr)
    assert "DOES NOT BALANCE" not in done.stdout
    assert "Traceback" not in done.stderr
    if done.stdout == "":
        raise AssertionError(done.stderr)
    return done


def summary(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what it says beside the ledgers; log events are JSON."""
    return [line for line in done.stderr.splitlines() if not line.startswith("{")]


def told(done: subprocess.CompletedProcess[str], pattern: str) -> bool:
    """Tell whether one line of the summary says this and what to do about it."""
    return any(re.search(rf"{pattern}.*; what to do: \w", line) for line in summary(done))


def differences(stage: Stage) -> list[Any]:
    truth = [json.loads(line) for line in stage.files.truth.read_text().splitlines()]
    return compare([line for line in truth if "expect" in line], stage.writes(), stage.members)


def assert_nothing_was_lost(stage: Stage, code: int = DONE, *options: str) -> None:
    """The fault is gone: the next run brings everything, and every invariant holds at the portal too."""
    done = sync(stage, LATER, *options)
    assert done.returncode == code, done.stdout + done.stderr
    if code == DONE:
        assert summary(done) == []
    assert differences(stage) == []
    verified = stage.run("verify", "--read-back")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def disturb(stage: Stage, path: str, kind: str, times: int = 1000) -> None:
    """Let the ECD go wrong."""
    stage.ecd.admin("faults", {"path": path, "kind": kind, "times": times})


def mend(stage: Stage) -> None:
    """Let both neighbours behave again."""
    for neighbour in (stage.ecd, stage.portal):
        httpx2.delete(f"{neighbour.base_url}/_sample/faults").raise_for_status()


def test_an_ecd_that_is_down_is_named_and_read_when_it_is_up(stage: Stage) -> None:
    configure(stage.files, ecd=NOWHERE, portal=stage.portal.base_url)

    done = sync(stage, SEVEN)

    assert done.returncode == COULD_NOT_RUN
    assert told(
        done, r"^source ons: not read: clients, employees, relations, reports \(4 of 4 slices\): transient: .*ConnectError"
    )
    assert len(summary(done)) == 1

    configure(stage.files, ecd=stage.ecd.base_url, portal=stage.portal.base_url)
    assert_nothing_was_lost(stage)


def test_an_ecd_that_refuses_the_certificate_is_named_and_asked_no_more_than_a_few_times(stage: Stage) -> None:
    disturb(stage, "/v0/", "401")

    done = sync(stage, SEVEN)

    assert done.returncode == COULD_NOT_RUN
    assert told(done, r"^source ons: not read: .*\(4 of 4 slices\): auth: .*\(401")
    assert sum(stage.ecd.admin("stats")["requests"].values()) <= 5

    mend(stage)
    assert_nothing_was_lost(stage)


def test_one_stream_that_is_refused_holds_up_none_of_the_others(stage: Stage) -> None:
    disturb(stage, "/v0/xstream/relations", "401")

    done = sync(stage, SEVEN)

    assert done.returncode == ASIDE
    assert told(done, r"^source ons: not read: relations \(1 of \d+ slices\): auth")
    assert contents(stage.writes()) != {}

    mend(stage)
    assert_nothing_was_lost(stage)


def test_an_ecd_that_asks_for_fewer_requests_for_a_while_is_read_whole_in_the_same_run(stage: Stage) -> None:
    disturb(stage, "/v0/", "429", times=4)

    done = sync(stage, SEVEN)

    assert done.returncode == DONE
    assert summary(done) == []
    assert stage.ecd.admin("stats")["faults"] == {"429": 4}
    assert differences(stage) == []


def test_a_feed_that_ends_in_the_middle_of_a_record_is_read_again_and_nothing_twice(stage: Stage) -> None:
    disturb(stage, "/v0/xstream/reports", "truncate", times=2)

    done = sync(stage, SEVEN)

    assert done.returncode == DONE
    assert summary(done) == []
    assert stage.ecd.admin("stats")["faults"] == {"truncate": 2}
    assert differences(stage) == []


def test_a_feed_that_always_ends_in_the_middle_of_a_record_is_named_and_keeps_its_bookmark(stage: Stage) -> None:
    disturb(stage, "/v0/xstream/reports", "truncate")

    done = sync(stage, SEVEN)

    assert done.returncode == ASIDE
    assert told(done, r"^source ons: not read: reports \(1 of \d+ slices\): transient: .*middle of a record")

    mend(stage)
    assert_nothing_was_lost(stage)


def test_a_record_with_an_impossible_date_is_set_aside_with_its_place_and_all_others_travel(stage: Stage) -> None:
    [planted] = stage.ecd.admin("plant", {"what": "impossible_date"})["changes"]

    done = sync(stage, SEVEN)

    assert done.returncode == ASIDE
    name = f"record ons-delinde/{planted['stream']}#{planted['key']}"
    assert told(done, rf"^source ons: {name} quarantined: required-missing at reportingDate \(20\*+\): no such moment")
    assert len(summary(done)) == 1
    assert "quarantined: required-missing" in done.stdout
    assert stage.run("trace", name.removeprefix("record ")).returncode == 0

    # It stays set aside, once, until it is corrected.
    assert_nothing_was_lost(stage, ASIDE)


def test_a_portal_that_is_down_is_named_and_gets_everything_when_it_is_up(stage: Stage) -> None:
    configure(stage.files, ecd=stage.ecd.base_url, portal=NOWHERE)

    done = sync(stage, SEVEN)

    assert done.returncode == COULD_NOT_RUN
    assert told(done, r"^portal familie: [1-9]\d* items wait: transient")
    assert contents(stage.writes()) == {}

    configure(stage.files, ecd=stage.ecd.base_url, portal=stage.portal.base_url)
    assert_nothing_was_lost(stage)


@pytest.fixture(scope="module")
def goal(organisation: Prepared) -> str:
    """A Goal that plans refer to: copies have equal ids, so another copy tells which there will be."""
    with staged(organisation, reachable_folder(f"{organisation.files.folder.name}-scout")) as scout:
        assert scout.run("sync").returncode == DONE
        plans = [json.loads(write.body) for write in scout.writes() if write.type == "CarePlan"]
    return str(next(goal["reference"] for plan in plans for goal in plan.get("goal", [])))


def test_one_entry_that_the_portal_refuses_is_parked_with_what_refers_to_it_and_the_rest_goes_on(goal: str, stage: Stage) -> None:
    stage.fault(kind="422-entry", match=goal, times=None)

    done = sync(stage, SEVEN)

    assert done.returncode == ASIDE
    assert told(done, rf"^portal familie: {goal} for member \S+ parked: rejected 422")
    assert told(done, rf"^portal familie: CarePlan/\S+ for member \S+ parked: waits-for {goal}")
    missing = {found.lie for found in differences(stage)}
    assert missing == {"dropped"}
    assert all(found.key.startswith("care_plans#") for found in differences(stage))

    mend(stage)
    assert sync(stage, SEVEN + timedelta(hours=1)).returncode == ASIDE
    assert_nothing_was_lost(stage, DONE, "--retry-parked")


def test_a_portal_that_asks_for_patience_is_left_alone_and_gets_the_rest_later(stage: Stage) -> None:
    stage.fault(kind="429", match="Observation/", times=1, retry_after=600)

    done = sync(stage, SEVEN)

    # What was under way on other lanes may have arrived.
    assert done.returncode in (ASIDE, COULD_NOT_RUN)
    assert told(done, r"^portal familie: [1-9]\d* items wait: throttled 429")

    before = stage.writes()
    too_early = sync(stage, SEVEN + timedelta(minutes=5))
    assert too_early.returncode == COULD_NOT_RUN
    assert stage.writes() == before

    assert_nothing_was_lost(stage)


def test_a_portal_that_refuses_our_key_is_named(stage: Stage) -> None:
    stage.fault(kind="401", at="token", times=None)

    done = sync(stage, SEVEN)

    assert done.returncode == COULD_NOT_RUN
    assert told(done, r"^portal familie: [1-9]\d* items wait: auth 401")

    mend(stage)
    assert_nothing_was_lost(stage)
