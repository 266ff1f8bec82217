"""The versioned store: what is written, what is left alone, what goes, and in which order it can be read back."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.canonicalise import content_hash
from gateway.errors import Misconfigured
from gateway.jsonbytes import loads
from gateway.store import Fate, store_records
from gateway.store.patch import merged
from tests.integration.store_world import START, World, gone, open_world

BSN = "999990019"
PLANTED = "999990032"
CURRENT = "select version, deleted, body, hash, source_time, journal_id from resource where rtype = %s and rid = %s"
HISTORY = (
    "select history.version, op from resource_history history join resource using (rkey) where rtype = %s and rid = %s order by 1"
)
COUNTS = """select (select count(*) from resource_history) as history, (select count(*) from change) as changes,
  (select count(*) from origin) as origins, (select count(*) from disclose_due) as due"""
TEXT_HOMES = {("resource", "body"), ("resource_history", "body")}


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


def history(world: World, type_: str, key: str) -> list[tuple[int, str]]:
    return [(row.version, row.op) for row in world.rows(HISTORY, type_, world.id(type_, key))]


def test_stored_bytes_carry_id_version_time_source_profile_and_labels_first(world: World) -> None:
    stream, key, (mapped,) = world.report("9")
    profile = ["http://example.test/profile"]
    world.store((stream, key, [replace(mapped, body={**mapped.body, "meta": {"profile": profile}})]))

    body = bytes(world.one(CURRENT, "Observation", mapped.id).body)

    resource = loads(body)
    assert list(resource)[:3] == ["resourceType", "id", "meta"]
    assert resource["meta"] == {
        "versionId": "1",
        "lastUpdated": "2026-03-02T07:00:00.000Z",
        "source": "https://zorgsluis.example/fhir/record/ons-test/reports#9",
        "profile": profile,
        "security": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
            {"system": "https://zorgsluis.example/fhir/CodeSystem/audience", "code": "trust-group"},
        ],
    }


@pytest.mark.parametrize(("label", "code"), [("hidden", "V"), ("confidential", "V"), ("V", "V"), ("draft", "R")])
def test_what_never_leaves_is_labelled_very_restricted(world: World, label: str, code: str) -> None:
    world.store(world.report("9", labels=frozenset({label})))

    security = loads(bytes(world.one(CURRENT, "Observation", world.id("Observation", "9")).body))["meta"]["security"]

    assert security[0]["code"] == code


def test_decimals_keep_their_digits(world: World) -> None:
    stream, key, (mapped,) = world.report("9")
    world.store((stream, key, [replace(mapped, body={**mapped.body, "valueQuantity": loads(b'{"value":72.50}')})]))

    assert b'"value":72.50' in bytes(world.one(CURRENT, "Observation", mapped.id).body)


def test_an_unchanged_resource_is_not_written_again(world: World) -> None:
    world.store(world.patient(), world.report("1"))
    before = world.one(COUNTS)
    world.clock.pass_time(hours=4)

    fates = world.store(world.patient(), world.report("1"))

    assert world.one(COUNTS) == before
    assert not any(fate.superseded for fate in fates)


def test_a_changed_resource_gets_a_version_a_history_row_a_change_row_and_makes_its_client_due(world: World) -> None:
    world.store(world.report("1", "Eerste tekst."))
    before = world.one(COUNTS)

    world.store(world.report("1", "Tweede tekst."))

    after = world.one(COUNTS)
    assert history(world, "Observation", "1") == [(1, "create"), (2, "update")]
    assert (after.history, after.changes, after.due) == (before.history + 1, before.changes + 1, before.due + 1)


def test_two_versions_of_a_record_in_one_batch_are_both_in_the_history(world: World) -> None:
    world.store(world.report("1", "Eerste."), world.report("1", "Tweede."))

    assert history(world, "Observation", "1") == [(1, "create"), (2, "update")]
    assert b"Tweede." in bytes(world.one(CURRENT, "Observation", world.id("Observation", "1")).body)


def test_only_the_bsn_changed_is_a_change(world: World) -> None:
    world.store(world.patient(bsn=BSN))
    world.store(world.patient(bsn="999990020"))

    assert history(world, "Patient", "1001") == [(1, "create"), (2, "update")]


def test_a_bsn_can_be_unsealed_from_its_own_row_only(world: World) -> None:
    world.store(world.patient(bsn=BSN))
    row = world.one("select * from resource_secret")

    assert world.keys.unseal(bytes(row.envelope), "resource_secret", str(row.rkey), "1", "bsn").decode() == BSN
    assert bytes(row.keyed_hash) == world.keys.keyed_hash(BSN)
    with pytest.raises(Misconfigured):
        world.keys.unseal(bytes(row.envelope), "resource_secret", str(row.rkey + 1), "1", "bsn")


def test_a_record_that_yields_nothing_any_more_takes_its_resources_along(world: World) -> None:
    world.store(world.report("1"))

    world.store(gone(world.report("1")))

    assert history(world, "Observation", "1") == [(1, "create"), (2, "delete")]
    row = world.one(CURRENT, "Observation", world.id("Observation", "1"))
    assert (row.deleted, bytes(row.body)) == (True, b"")
    assert world.rows("select * from origin") == []


def test_a_deleted_resource_can_come_back(world: World) -> None:
    world.store(world.report("1"))
    world.store(gone(world.report("1")))

    world.store(world.report("1"))

    assert history(world, "Observation", "1") == [(1, "create"), (2, "delete"), (3, "create")]


def test_what_a_newer_version_of_a_record_no_longer_yields_is_deleted(world: World) -> None:
    stream, key, first = world.report("1")
    second = world.report("2")[2]
    world.store((stream, key, [*first, *second]))

    world.store((stream, key, first))

    assert history(world, "Observation", "1") == [(1, "create")]
    assert history(world, "Observation", "2") == [(1, "create"), (2, "delete")]


def test_a_resource_stays_while_another_record_yields_it(world: World) -> None:
    shared = world.report("1")[2]
    world.store(("reports", "a", shared), ("reports", "b", shared))

    world.store(("reports", "a", []))
    assert history(world, "Observation", "1") == [(1, "create")]

    world.store(("reports", "b", []))
    assert history(world, "Observation", "1") == [(1, "create"), (2, "delete")]


def test_a_resource_that_moves_between_records_of_one_batch_is_kept(world: World) -> None:
    shared = world.report("1")[2]
    world.store(("reports", "a", shared))

    world.store(("reports", "a", []), ("reports", "b", shared))

    assert history(world, "Observation", "1") == [(1, "create")]


def test_an_older_version_that_comes_later_is_superseded(world: World) -> None:
    world.store(world.report("1", "Nieuw."), at=START)

    (fate,) = world.store(world.report("1", "Oud."), at=START - timedelta(hours=1))

    assert fate.superseded
    assert history(world, "Observation", "1") == [(1, "create")]


def test_an_older_version_does_not_bring_a_deleted_record_back(world: World) -> None:
    world.store(world.report("1"), at=START - timedelta(hours=2))
    world.store(gone(world.report("1")), at=START)

    (fate,) = world.store(world.report("1"), at=START - timedelta(hours=1))

    assert fate.superseded
    assert history(world, "Observation", "1") == [(1, "create"), (2, "delete")]


def test_a_quarantined_record_replayed_after_its_successor_is_superseded(world: World) -> None:
    with world.database.transaction(world.org) as db:
        early = world.journal(db, "reports", "1")
    world.store(world.report("1", "Latere versie."))

    with world.database.transaction(world.org) as db:
        stream, key, mapped = world.report("1", "Eerdere versie.")
        (fate,) = store_records(db, world.gateway, world.org, [world.entry(db, stream, key, mapped, journal=early)])

    assert fate.superseded


def test_an_older_record_does_not_overwrite_a_resource_that_another_record_wrote(world: World) -> None:
    world.store(("reports", "a", world.report("1", "Nieuw.")[2]), at=START)

    world.store(("reports", "b", world.report("1", "Oud.")[2]), at=START - timedelta(hours=1))

    assert history(world, "Observation", "1") == [(1, "create")]
    assert len(world.rows("select * from origin")) == 2


def test_ensure_creates_and_never_overwrites(world: World) -> None:
    stream, key, (mapped,) = world.patient(family="Jansen")
    world.store((stream, key, [mapped]))
    other = world.patient(family="Anders")[2][0]

    world.store(("messages", "1", [replace(other, write="ensure")]))

    assert history(world, "Patient", "1001") == [(1, "create")]


def test_a_character_that_fhir_forbids_is_not_stored_and_is_no_change(world: World) -> None:
    for family in ("Jan\x01sen\t", "Jansen\t"):
        world.store(world.patient(family=family))

    assert loads(bytes(world.one(CURRENT, "Patient", world.id("Patient", "1001")).body))["name"] == [{"family": "Jansen\t"}]
    assert history(world, "Patient", "1001") == [(1, "create")]


def test_a_patch_leaves_what_is_empty_and_removes_what_is_blank(world: World) -> None:
    stream, key, (mapped,) = world.patient()
    world.store((stream, key, [mapped]))
    body = {"resourceType": "Patient", "id": mapped.id, "birthDate": "", "name": [], "gender": "female"}

    world.store(("updates", "1", [replace(mapped, body=body, write="patch")]))

    resource = loads(bytes(world.one(CURRENT, "Patient", mapped.id).body))
    assert (resource.get("birthDate"), resource["name"], resource["gender"]) == (None, [{"family": "Jansen"}], "female")


def test_a_patch_takes_nothing_over_from_another_client_to_whom_the_source_gave_the_same_number(world: World) -> None:
    stream, key, (mapped,) = world.report("77", "Van de een.")
    world.store((stream, key, [mapped]))
    other = world.patient("1002")
    world.store(other)
    body = {"resourceType": "Observation", "id": mapped.id, "subject": {"reference": f"Patient/{world.id('Patient', '1002')}"}}

    world.store(("updates", "1", [replace(mapped, body=body, write="patch", patient=world.id("Patient", "1002"))]))

    assert "valueString" not in loads(bytes(world.one(CURRENT, "Observation", mapped.id).body))


JSON = st.recursive(
    st.sampled_from(["", "a", "b", None, 1]),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(stored=st.dictionaries(st.sampled_from("xyz"), JSON), patch=st.dictionaries(st.sampled_from("xyz"), JSON))
def test_patching_twice_is_patching_once(stored: dict[str, object], patch: dict[str, object]) -> None:
    once = merged(stored, patch)
    assert merged(once, patch) == once
    assert merged(once, {}) == once


def test_a_resource_that_moves_to_another_client_makes_both_due(world: World) -> None:
    world.store(world.patient("1001"), world.patient("1002"), world.report("1", client="1001"))
    world.disclose()

    world.store(world.report("1", client="1002"))

    due = {row.client_id for row in world.rows("select client_id from disclose_due")}
    assert due == {world.client("1001"), world.client("1002")}


def test_a_change_of_facts_alone_makes_the_client_due_without_a_new_version(world: World) -> None:
    world.store(world.report("1"))
    world.disclose()

    world.store(world.report("1", withdrawn=True))

    assert history(world, "Observation", "1") == [(1, "create")]
    assert {row.cause for row in world.rows("select cause from disclose_due")} == {"store", "facts"}


def test_a_changed_directory_resource_makes_the_clients_due_that_refer_to_it_also_through_another(world: World) -> None:
    world.store(world.employee("7"), world.patient("1001"), world.patient("1002"), world.report("1", client="1001", employee="7"))
    world.disclose()

    world.store(world.employee("7", family="Getrouwd"))

    assert [row.client_id for row in world.rows("select client_id from disclose_due")] == [world.client("1001")]


def test_projections_and_references_are_those_of_the_current_version(world: World) -> None:
    world.store(world.employee("7"), world.visit("2@a", employee="7"))
    query = (
        "select distinct projection, target_type from resource_reference join resource using (rkey) where rtype = 'Appointment'"
    )
    assert {tuple(row) for row in world.rows(query)} == {
        ("whole", "Patient"),
        ("whole", "PractitionerRole"),
        ("reduced", "Patient"),
    }

    world.store(world.visit("2@a"))

    assert {tuple(row) for row in world.rows(query)} == {("whole", "Patient"), ("reduced", "Patient")}


def test_the_ledgers_hash_is_that_of_what_a_portal_holds(world: World) -> None:
    world.store(world.patient(bsn=BSN))
    body = loads(bytes(world.one(CURRENT, "Patient", world.id("Patient", "1001")).body))

    stored = {row.name: bytes(row.hash) for row in world.rows("select name, hash from resource_projection")}

    assert stored["whole"] == content_hash(body)
    del body["meta"]["versionId"], body["meta"]["lastUpdated"], body["meta"]["source"]
    assert stored["whole"] == content_hash(body)
    assert bytes(world.one(CURRENT, "Patient", body["id"]).hash) == content_hash(body, world.keys.keyed_hash(BSN))


def test_a_rolled_back_batch_leaves_nothing_and_the_connection_goes_on(world: World) -> None:
    def cut_off() -> None:
        with world.database.transaction(world.org) as db:
            store_records(db, world.gateway, world.org, [world.entry(db, *world.report("1"))])
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        cut_off()
    assert world.one(COUNTS).history == 0

    world.store(world.report("1"))
    assert world.one(COUNTS).history == 1


def test_writers_of_one_system_take_turns_and_lose_nothing(world: World) -> None:
    fates: list[Fate] = []

    def write(number: int) -> None:
        fates.extend(
            world.store(world.report("shared", f"{number}-{turn}"), world.report(f"own-{number}-{turn}"))[0] for turn in range(5)
        )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Who waited for the lock with an older journal row comes too late, and is told so.
    accepted = sum(not fate.superseded for fate in fates)
    assert [number for number, _ in history(world, "Observation", "shared")] == list(range(1, accepted + 1))
    assert len(fates) == 20
    assert world.one("select count(*) as n from resource").n == 21


def test_resources_of_one_system_are_apart_from_those_of_another(world: World) -> None:
    """A class map row counts for its own record system only."""
    stream, key, (mapped,) = world.report("1")
    other = replace(mapped, id=world.keys.ids().resource_id("other", "Observation", "1"))
    with world.database.transaction(world.org) as db:
        entry = dataclasses.replace(world.entry(db, stream, key, [other]), system="other")
        store_records(db, world.gateway, world.org, [entry])

    security = loads(bytes(world.one(CURRENT, "Observation", other.id).body))["meta"]["security"]
    assert [code["code"] for code in security] == ["R"]
