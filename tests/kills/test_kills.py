"""The real process is killed at every named point; the portal must end as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gateway.crash import CRASH_POINTS
from samples.comparison import Difference, compare
from tests.conftest import reachable_folder
from tests.kills.stage import AFTER_LEASES, BEFORE_SLOT, Prepared, Stage, contents, prepared, staged

# Reached by a command or in a second life, not by the first run of ``serve``.
ELSEWHERE = {"in-grant-commit", "at-lease-takeover", "before-intake-commit", "after-intake-commit"}
SECOND_LIFE = AFTER_LEASES.replace(minute=45)


@pytest.fixture(scope="module")
def organisation(worker_id: str) -> Iterator[Prepared]:
    with prepared(reachable_folder(f"kills-{worker_id}")) as organisation:
        yield organisation


@pytest.fixture(scope="module")
def uninterrupted(organisation: Prepared) -> dict[tuple[str, str, str], str]:
    """What the portal holds after a run that nobody disturbed."""
    with staged(organisation, reachable_folder(f"{organisation.files.folder.name}-baseline")) as stage:
        with stage.serving(BEFORE_SLOT) as process:
            stage.until_done(process)
        held = contents(stage.writes())
        assert len(held) > 100
        assert verified(stage) == ""
        assert differences(stage) == []
    return held


@pytest.fixture
def stage(organisation: Prepared, uninterrupted: object) -> Iterator[Stage]:
    with staged(organisation, reachable_folder(f"{organisation.files.folder.name}-copy")) as stage:
        yield stage


def verified(stage: Stage) -> str:
    """Run ``verify --read-back``; return what it complained about."""
    done = stage.run("verify", "--read-back")
    return "" if done.returncode == 0 else done.stdout + done.stderr


def differences(stage: Stage) -> list[Difference]:
    """Compare the portal's store with the organisation's truth."""
    truth = [json.loads(line) for line in stage.files.truth.read_text().splitlines()]
    return compare([line for line in truth if "expect" in line], stage.writes(), stage.members)


def killed(stage: Stage, crash: str, clock: object = BEFORE_SLOT) -> None:
    """Let ``serve`` kill itself at a point; a point that isn't reached fails."""
    with stage.serving(clock, crash) as process:  # type: ignore[arg-type]
        assert process.wait(120) == -9, f"{crash} was not reached"


def assert_as_if_nothing_happened(stage: Stage, uninterrupted: dict[tuple[str, str, str], str]) -> None:
    assert contents(stage.writes()) == uninterrupted
    assert differences(stage) == []
    assert verified(stage) == ""


# The first visit, and one in the middle of the work.
VISITS = [
    f"{point}:{nth}" for point in CRASH_POINTS if point not in ELSEWHERE for nth in ((1,) if point == "after-map" else (1, 3))
]


@pytest.mark.parametrize("visit", VISITS)
def test_a_process_killed_at_any_point_loses_nothing_and_sends_nothing_twice(
    stage: Stage, uninterrupted: dict[tuple[str, str, str], str], visit: str
) -> None:
    killed(stage, visit)

    with stage.serving(AFTER_LEASES) as process:
        stage.until_done(process)

    assert_as_if_nothing_happened(stage, uninterrupted)


def test_a_process_killed_while_it_takes_over_a_lease_leaves_it_to_the_next(
    stage: Stage, uninterrupted: dict[tuple[str, str, str], str]
) -> None:
    killed(stage, "after-claim:1")
    killed(stage, "at-lease-takeover:1", AFTER_LEASES)

    with stage.serving(SECOND_LIFE) as process:
        stage.until_done(process)

    assert_as_if_nothing_happened(stage, uninterrupted)


def test_a_grant_cut_off_in_its_commit_has_not_happened_and_can_be_given_again(
    stage: Stage, uninterrupted: dict[tuple[str, str, str], str]
) -> None:
    with stage.serving(BEFORE_SLOT) as process:
        stage.until_done(process)
    one = next(line for line in map(json.loads, stage.files.links.read_text().splitlines()) if line["level"] == "private-medical")
    client, person = str(one["client"]), str(one["person"])

    cut_off = stage.run("grant", "set", client, person, "none", crash="in-grant-commit")
    assert cut_off.returncode == -9
    assert contents(stage.writes()) == uninterrupted

    again = stage.run("grant", "set", client, person, "none")
    assert again.returncode == 0, again.stderr
    member = stage.members[f"{client}/{person}"]
    assert [place for place in contents(stage.writes()) if place[0] == member] == []
    assert verified(stage) == ""
