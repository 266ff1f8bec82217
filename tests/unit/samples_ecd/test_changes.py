"""A change touches what it says and nothing else, and the truth follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from samples.ecd.changes import HAPPENINGS, Change, change, plant
from samples.ecd.office import Office
from samples.ecd.records import STREAMS, World
from samples.ecd.truth import truth_lines

Fresh = Callable[[], World]


def _snapshot(world: World) -> dict[tuple[str, str], bytes]:
    return {(stream, str(one["id"])): msgspec.json.encode(one) for stream in STREAMS for one in world[stream].all()}


def _differences(before: dict[tuple[str, str], bytes], after: dict[tuple[str, str], bytes]) -> dict[tuple[str, str], str]:
    changed = {place: "upsert" for place, content in after.items() if before.get(place) != content}
    return changed | {place: "delete" for place in before if place not in after}


def _told(done: list[Change]) -> dict[tuple[str, str], str]:
    return {(item.stream, item.key): item.op for item in done}


@pytest.mark.parametrize("what", sorted(HAPPENINGS))
def test_each_happening_touches_exactly_what_it_says(fresh: Fresh, what: str) -> None:
    world = fresh()
    before = _snapshot(world)

    done = change(world, count=3, seed=5, ops=[what])

    assert done
    assert len(_told(done)) == len(done)
    assert _told(done) == _differences(before, _snapshot(world))


def test_a_mixed_day_touches_exactly_what_it_says_and_the_same_seed_the_same(fresh: Fresh) -> None:
    world, twin = fresh(), fresh()
    before = _snapshot(world)

    done = change(world, count=40, seed=9)

    assert _told(done) == _differences(before, _snapshot(world))
    assert {item.what for item in done} == set(HAPPENINGS) - {"client_deleted"}
    assert change(twin, count=40, seed=9) == done
    assert _snapshot(twin) == _snapshot(world)


def test_what_changed_is_newer_than_everything_before(fresh: Fresh) -> None:
    world = fresh()
    start = world.now

    done = change(world, count=40, seed=2)

    changed = {(item.stream, item.key) for item in done if item.op == "upsert"}
    for stream in ("clients", "relations", "reports", "care_plans"):
        for record in world[stream].all():
            moment = datetime.fromisoformat(record["updatedAt"])
            assert (moment > start) == ((stream, str(record["id"])) in changed)
            assert moment <= world.now


def test_the_truth_changes_for_the_records_that_changed_and_for_no_other(fresh: Fresh) -> None:
    world = fresh()

    def told() -> set[bytes]:
        return {msgspec.json.encode(line) for line in truth_lines(world) if "summary" not in line}

    before = told()
    done = change(world, count=40, seed=3)
    moved = {(line["stream"], line["key"]) for line in map(msgspec.json.decode, before ^ told())}

    assert moved
    assert moved <= set(_told(done))


def test_a_hidden_report_is_never_from_then_on(fresh: Fresh) -> None:
    world = fresh()

    done = change(world, count=2, seed=3, ops=["report_hidden"])

    keys = {item.key for item in done}
    reasons = {line["reason"] for line in truth_lines(world) if line.get("stream") == "reports" and line["key"] in keys}
    assert reasons <= {"hidden", "not-linked"}


def test_a_renewed_plan_keeps_the_persistent_ids_of_its_actions(fresh: Fresh) -> None:
    world = fresh()

    old, new = change(world, count=1, seed=3, ops=["plan_renewed"])

    plans = [world["care_plans"].get(one.key) for one in (old, new)]
    ids = [
        [action["carePlanPersistentActionId"] for entry in plan["carePlanEntries"] for action in entry["actionEntries"]]
        for plan in plans
        if plan
    ]
    assert [plan["status"] for plan in plans if plan] == ["OLD", "ACTIVE"]
    assert ids[0] == ids[1]


def test_a_deleted_client_leaves_nothing_behind_but_a_line_in_the_feed(fresh: Fresh) -> None:
    world = fresh()

    done = change(world, count=1, seed=3, ops=["client_deleted"])

    client = done[0].client
    assert [str(gone["id"]) for gone in world.client_deletes] == [client]
    assert not any(line.get("client") == client for line in truth_lines(world))
    assert not any(link.client == client for link in world.links)


def test_an_unknown_happening_is_refused(fresh: Fresh) -> None:
    with pytest.raises(ValueError, match="ops are"):
        change(fresh(), count=1, seed=1, ops=["earthquake"])


def test_a_planted_date_is_on_no_calendar_and_the_truth_says_that_it_cannot_be_sent(fresh: Fresh) -> None:
    world = fresh()

    [planted] = plant(world, "impossible_date")

    record = world["reports"].get(planted.key)
    assert record is not None
    with pytest.raises(ValueError, match=r"day is out of range|hour must be"):
        datetime.fromisoformat(record["reportingDate"])
    lines = [line for line in truth_lines(world) if line.get("key") == planted.key and line["stream"] == "reports"]
    assert lines
    assert all((line["expect"], line["reason"], line["yields"]) == ("never", "not-sent:unmappable", {}) for line in lines)


def test_the_clock_goes_forward_and_brings_the_visits_of_the_days_that_come_in_sight(fresh: Fresh) -> None:
    world = fresh()
    office = Office(world=world)
    before = set(world["agenda"])

    office.set_clock(world.now + timedelta(days=2))

    new = {key.split("@")[1] for key in set(world["agenda"]) - before}
    assert new == {"2026-12-19", "2026-12-20"}
    with pytest.raises(ValueError, match="forward"):
        office.set_clock(world.now - timedelta(seconds=1))


def test_the_files_follow_the_change(fresh: Fresh, tmp_path: Path) -> None:
    office = Office(world=fresh(), truth=tmp_path / "truth.jsonl", links=tmp_path / "links.jsonl")
    office.publish()
    before = (tmp_path / "truth.jsonl").read_bytes()

    change(office.world, count=9, seed=1)
    office.publish()

    assert (tmp_path / "truth.jsonl").read_bytes() == office.truth_bytes() != before
    assert (tmp_path / "links.jsonl").read_bytes() == office.links_bytes()
