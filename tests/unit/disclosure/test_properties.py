"""The properties of disclosure, one test each, over generated worlds; those of stored data are in the integration tests as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.disclosure.batch import Batch, compiled
from gateway.disclosure.decide import Facts, Policy, decide
from gateway.disclosure.projections import names_for, project
from gateway.disclosure.reasons import CODES
from tests.unit.disclosure import properties
from tests.unit.disclosure.cases import MEMBER, NOW, World, worlds

many = settings(max_examples=2000)
# One for all examples: what was decided for the clients of others before must make no difference.
BATCH = Batch(NOW)


@many
@given(world=worlds)
def test_nothing_is_seen_that_is_not_granted_and_free_of_forbids(world: World) -> None:
    """Property 1: default deny."""
    properties.default_deny(decide, world)


@many
@given(world=worlds)
def test_what_permits_never_hides(world: World) -> None:
    """Property 2: grants are monotone; so are mandates and permissions of other registries."""
    properties.what_permits_is_monotone(decide, world)


@many
@given(world=worlds)
def test_what_forbids_never_shows(world: World) -> None:
    """Property 3: exclusions are antitone; so are objections of other registries."""
    properties.what_forbids_is_antitone(decide, world)


@many
@given(world=worlds)
def test_what_is_decided_about_one_person_changes_nothing_for_another(world: World) -> None:
    """Property 4: non-interference across people."""
    properties.people_do_not_interfere(decide, world)


def seen(items: tuple[Facts, ...], world: World) -> list[tuple[Facts, str | None]]:
    """Return what the member has of these items: which, and how."""
    verdicts = Batch(NOW).client(items, [world.subscriber], world.policy).of_member(0)
    return [(item, verdict.projection) for item, verdict in zip(items, verdicts, strict=True) if verdict.permitted]


@many
@given(world=worlds)
def test_what_a_member_may_not_see_leaves_no_trace_in_what_it_sees(world: World) -> None:
    """Property 5: non-interference of hidden data, removed or altered, also where items are decided together."""
    before = seen(world.items, world)
    shown = [item for item, _ in before]
    assert seen(tuple(shown), world) == before
    altered = tuple(
        item if item in shown else replace(world.other, rkey=item.rkey, labels=frozenset({"hidden"})) for item in world.items
    )
    assert seen(altered, world) == before


@many
@given(world=worlds)
def test_the_order_of_records_does_not_matter(world: World) -> None:
    """Property 6: order independence."""
    properties.order_is_nothing(decide, world)


@many
@given(world=worlds)
def test_every_reason_is_true_and_a_permit_follows_from_the_grant_that_it_names(world: World) -> None:
    """Property 7: every verdict has a code, and a permit is reproducible from its named grant alone."""
    properties.reasons_are_true(decide, world)


@many
@given(world=worlds)
def test_withdrawing_everything_shows_nothing(world: World) -> None:
    """Property 8: withdrawing all empties."""
    properties.withdrawing_empties(decide, world)


def wanted(world: World, policy: Policy) -> dict[int, str | None]:
    return {item.rkey: projection for item, projection in seen(world.items, replace(world, policy=policy))}


def difference(held: dict[int, str | None], due: dict[int, str | None]) -> list[tuple[int, str | None]]:
    """Return the work between what is held and what is due: retractions (no projection) first."""
    gone: list[tuple[int, str | None]] = [(rkey, None) for rkey in held if rkey not in due]
    return gone + [(rkey, projection) for rkey, projection in due.items() if held.get(rkey) != projection]


def carry_out(work: tuple[int, str | None], held: dict[int, str | None]) -> None:
    rkey, projection = work
    if projection is None:
        held.pop(rkey, None)
    else:
        held[rkey] = projection


@many
@given(world=worlds)
def test_after_any_epochs_what_was_delivered_and_not_retracted_is_the_view(world: World) -> None:
    """Property 9: the ledger converges."""
    held: dict[int, str | None] = {}
    for policy in (world.policy, world.later, world.policy):
        for work in difference(held, wanted(world, policy)):
            carry_out(work, held)
        assert held == wanted(world, policy)


@many
@given(world=worlds, more=worlds)
def test_deciding_in_a_batch_is_deciding_one_by_one(world: World, more: World) -> None:
    """Property 10: batch = single, whoever was decided about in the same batch before."""
    items = (*world.items, *(replace(item, rkey=item.rkey + 1) for item in more.items))
    members = (world.subscriber, more.subscriber, replace(MEMBER, person=2))
    together = BATCH.client(items, members, world.policy)
    for place, member in enumerate(members):
        single = [decide(item, member, world.policy, NOW) for item in items]
        judge = compiled(world.policy, member, NOW)
        assert [judge(item) for item in items] == single
        assert list(together.of_member(place)) == single
        assert [together.verdict(number, place) for number in range(len(items))] == single
        assert together.counts(place) == Counter(single)


@many
@given(world=worlds)
def test_between_two_boundaries_time_changes_nothing(world: World) -> None:
    """Property 11: time shift."""
    properties.time_changes_nothing_between_boundaries(decide, world)


VALUES: list[Any] = [
    "text",
    True,
    [{"text": "Verzorging", "coding": [{"code": "x"}], "id": "1"}, {"coding": []}],
    [
        {"actor": {"reference": "Patient/1", "display": "naam"}, "status": "accepted"},
        {"actor": {"reference": "Practitioner/2"}},
        {},
    ],
    {"reference": "Patient/1", "display": "naam"},
    [],
]
FIELDS = (
    *("active", "birthDate", "code", "comment", "description", "end", "extension", "link", "name", "participant", "patient"),
    *("practitioner", "relationship", "serviceType", "specialty", "start", "status", "telecom"),
)
bodies = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(VALUES), max_size=6)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what a resource says: each plain value with the way to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


@many
@given(type_=st.sampled_from(("Appointment", "Patient", "RelatedPerson", "PractitionerRole", "Observation")), body=bodies)
def test_a_projection_leaves_out_and_adds_nothing_however_often(type_: str, body: dict[str, Any]) -> None:
    """Property 12: a projection is idempotent and never adds fields, at any depth."""
    plain = {key: value for key, value in body.items() if key not in ("serviceType", "participant") or isinstance(value, list)}
    resource = {"resourceType": type_, "id": "1", "meta": {"versionId": "1"}, **plain}
    for name in names_for(type_):
        once = project(name, resource)
        assert project(name, once) == once
        assert set(leaves(once)) <= set(leaves(resource))


STEPS = st.lists(st.sampled_from(["policy", "later", "sent", "lost before", "lost after"]), max_size=8)


@many
@given(world=worlds, steps=STEPS)
def test_after_a_crash_anywhere_nothing_stays_that_is_not_permitted(world: World, steps: list[str]) -> None:
    """Property 13: what was sent or not is unknown after a crash; deciding again and sending again leaves exactly what is permitted.

    ``known`` is what receipts tell, ``doubted`` was sent without one: it is treated as possibly held.
    """
    portal: dict[int, str | None] = {}
    known: dict[int, str | None] = {}
    doubted: set[int] = set()
    policy = world.policy
    for step in [*steps, "end"]:
        policy = world.later if step == "later" else world.policy if step == "policy" else policy
        due = wanted(world, policy)
        suspects: dict[int, str | None] = {**dict.fromkeys(doubted, "in doubt"), **known}
        for work in difference(suspects, due):
            if step != "lost before":
                carry_out(work, portal)
            if step in ("lost before", "lost after"):
                doubted.add(work[0])
                known.pop(work[0], None)
                break
            carry_out(work, known)
            doubted.discard(work[0])
        else:
            assert portal == due
    assert portal == wanted(world, policy)


def test_the_worlds_reach_every_reason() -> None:
    """Without this the properties could hold of nothing."""
    found: Counter[str] = Counter()

    @settings(max_examples=4000, derandomize=True, database=None)
    @given(world=worlds)
    def look(world: World) -> None:
        found[decide(world.item, world.subscriber, world.policy, NOW).code] += 1

    look()
    assert set(found) == set(CODES)
