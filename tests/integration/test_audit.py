"""The trail: what is in it, and that nothing in it can be changed, left out or cut off unseen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from api.cli.lookups import looked_at
from gateway import consent
from gateway.audit import AuditEvent, Break, append, export_heads, exported_heads, verify
from gateway.database import Database
from gateway.runtime import Gateway
from gateway.verify import verify as verify_all
from gateway.verify.trail import without_heads
from tests.integration.store_world import World, filled, open_world

EVENT = AuditEvent(
    event="deliver", action="U", agent="gateway", detail={"resource": "Observation/1", "etag": 'W/"1"', "status": None}
)


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


def tell(world: World, count: int = 3) -> None:
    with world.database.transaction(world.org) as db:
        append(db, world.keys, world.org, [replace(EVENT, detail={"n": number, "naam": "é"}) for number in range(count)])


def broken(world: World, exported: Path | None = None) -> list[str]:
    heads = None if exported is None else exported_heads(exported, world.org)
    with world.database.snapshot(world.org) as db:
        return [found.what for found in verify(db, world.keys, heads)]


def as_owner(dsn: str, statement: str, org: int) -> int:
    """Do what only somebody with the owner's rights could, past row security."""
    with closing(psycopg.connect(dsn)) as db:
        db.execute("set role zorgsluis_owner")
        db.execute("alter table audit_event no force row level security")
        changed = db.execute(statement.replace(":org", str(org)).encode()).rowcount
        db.execute("alter table audit_event force row level security")
        db.commit()
    return changed


def test_a_chain_that_nobody_touched_is_whole_whatever_the_number_of_rows(world: World) -> None:
    tell(world, 2)
    tell(world, 500)
    tell(world, 21)

    assert broken(world) == []
    assert world.one("select count(*) as n from audit_event").n == 524


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("update audit_event set agent = 'somebody' where org = :org and seq = 3", "row-altered"),
        ("update audit_event set detail = '{}' where org = :org and seq = 3", "row-altered"),
        ("update audit_event set at = at + interval '1 microsecond' where org = :org and seq = 3", "row-altered"),
        ("delete from audit_event where org = :org and seq = 3", "row-missing"),
        ("delete from audit_event where org = :org and seq >= 4", "tail-cut"),
        ("update audit_event set seq = 99 where org = :org and seq = 4", "row-missing"),
    ],
)
def test_a_row_that_is_changed_or_gone_shows(world: World, module_database_url: str, statement: str, expected: str) -> None:
    tell(world)
    assert as_owner(module_database_url, statement, world.org) == 1

    assert broken(world) == [expected]


def test_a_cut_tail_shows_against_the_heads_outside_the_database(world: World, module_database_url: str, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    tell(world)
    assert export_heads(world.gateway, world.org, heads) == 1
    assert export_heads(world.gateway, world.org, heads) == 0
    tell(world)
    assert export_heads(world.gateway, world.org, heads) == 1
    assert broken(world, heads) == []
    assert heads.stat().st_mode & 0o077 == 0

    as_owner(module_database_url, "delete from audit_event where org = :org and seq > 5", world.org)
    world.rows(
        "update audit_chain set seq = 5, head = (select mac from audit_event where chain_id = audit_chain.id and seq = 5) returning id"
    )

    assert broken(world) == []
    assert broken(world, heads) == ["tail-cut"]
    with world.database.snapshot(world.org) as db:
        assert [found.seq for found in verify(db, world.keys, exported_heads(heads, world.org))] == [6]


def test_a_cut_tail_that_the_chain_misses_too_is_told_once(world: World, module_database_url: str, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    tell(world, 8)
    export_heads(world.gateway, world.org, heads)
    as_owner(module_database_url, "delete from audit_event where org = :org and seq > 5", world.org)

    assert broken(world, heads) == ["tail-cut"]


def test_a_chain_that_is_gone_altogether_shows(world: World, module_database_url: str, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    tell(world)
    export_heads(world.gateway, world.org, heads)
    as_owner(module_database_url, "delete from audit_event where org = :org", world.org)
    world.rows("delete from audit_chain returning id")

    assert broken(world, heads) == ["chain-missing"]


def told_before_another_chain(world: World) -> UUID:
    """Write two chains, the second by a thread of its own; return the first."""
    tell(world)
    first: UUID = world.one("select id from audit_chain").id
    later = threading.Thread(target=tell, args=(world,))
    later.start()
    later.join()
    return first


@pytest.mark.parametrize("outside", [False, True], ids=["no file of heads", "with the file of heads"])
def test_a_chain_that_is_gone_shows_against_the_chains_that_began_after_it(
    world: World, module_database_url: str, tmp_path: Path, outside: bool
) -> None:
    gone = told_before_another_chain(world)
    as_owner(module_database_url, f"delete from audit_event where org = :org and chain_id = '{gone}'", world.org)
    world.rows("delete from audit_chain where id = %s returning id", gone)
    export_heads(world.gateway, world.org, tmp_path / "heads.jsonl")

    assert broken(world, tmp_path / "heads.jsonl" if outside else None) == ["chain-missing"]


def test_a_tail_cut_off_with_its_head_shows_against_the_chains_that_began_after_it(
    world: World, module_database_url: str
) -> None:
    cut = told_before_another_chain(world)
    as_owner(module_database_url, f"delete from audit_event where org = :org and seq > 2 and chain_id = '{cut}'", world.org)
    world.rows(
        "update audit_chain set seq = 2, head = (select mac from audit_event where chain_id = audit_chain.id and seq = 2)"
        " where id = %s returning id",
        cut,
    )

    assert broken(world) == ["tail-cut"]


def test_heads_that_should_be_outside_the_database_are_missed_once_the_trail_is_older_than_its_first_export(
    world: World, tmp_path: Path
) -> None:
    heads = tmp_path / "heads.jsonl"
    assert not without_heads(world.gateway, world.org, heads)
    tell(world)
    assert not without_heads(world.gateway, world.org, heads)

    world.clock.pass_time(minutes=16)

    assert without_heads(world.gateway, world.org, heads)
    export_heads(world.gateway, world.org, heads)
    assert not without_heads(world.gateway, world.org, heads)


@pytest.mark.parametrize("torn", [b'{"at":"2026-03-02T07:00:00Z","org":1,"ch', b"\0\0\0\0", b'{"org":1}', b"7"])
def test_a_line_that_a_power_cut_tore_spoils_neither_the_file_nor_the_next_line(
    world: World, tmp_path: Path, torn: bytes
) -> None:
    heads = tmp_path / "heads.jsonl"
    tell(world)
    export_heads(world.gateway, world.org, heads)
    with heads.open("ab") as file:
        file.write(torn)
    # A process that starts after the cut has read nothing of the file; one that went on has.
    started = tmp_path / "started.jsonl"
    started.write_bytes(heads.read_bytes())

    tell(world, 2)
    for file_ in (heads, started):
        assert export_heads(world.gateway, world.org, file_) == 1
        assert export_heads(world.gateway, world.org, file_) == 0
        assert [seq for seq, _ in exported_heads(file_, world.org).values()] == [6]
        assert broken(world, file_) == []


def test_heads_written_by_another_process_are_seen_and_a_file_that_is_gone_is_written_anew(world: World, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    tell(world)
    export_heads(world.gateway, world.org, heads)
    line = heads.read_bytes()
    with heads.open("ab") as file:
        file.write(line.replace(b'"seq":4', b'"seq":9'))
    assert broken(world, heads) == ["tail-cut"]

    heads.unlink()
    assert export_heads(world.gateway, world.org, heads) == 1
    assert heads.read_bytes().splitlines()[0].split(b",")[1:] == line.splitlines()[0].split(b",")[1:]


def test_rows_of_a_transaction_that_failed_are_not_there_and_the_chain_goes_on(world: World) -> None:
    for _ in range(2):
        with world.database.transaction(world.org) as db:
            append(db, world.keys, world.org, [EVENT])
            raise psycopg.Rollback
        tell(world, 1)

    assert broken(world) == []
    assert world.one("select count(*) as n from audit_event where event = 'deliver'").n == 2


def test_threads_write_chains_of_their_own_and_a_new_one_names_the_heads_before_it(world: World) -> None:
    tell(world)

    def write() -> None:
        for _ in range(5):
            tell(world, 2)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    chains = world.rows("select id, seq from audit_chain")
    assert sorted(row.seq for row in chains) == [4, 11, 11, 11, 11]
    first = next(row.id for row in chains if row.seq == 4)
    anchors = [row.detail["heads"] for row in world.rows("select detail from audit_event where event = 'chain-start'")]
    assert sum(str(first) in heads for heads in anchors) == 4
    assert broken(world) == []


def test_nobody_who_runs_may_change_or_delete_the_trail(world: World) -> None:
    tell(world)
    for statement in ("update audit_event set agent = 'x'", "delete from audit_event"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            world.rows(statement)


def test_another_key_makes_every_chain_look_altered(world: World) -> None:
    tell(world)
    with world.database.snapshot(world.org) as db:
        assert [type(found) for found in verify(db, replace(world.keys, audit_key=b"x" * 32))] == [Break]


def in_engine(world: World, dsn: str, heads: Path | None = None) -> list[tuple[str, str]]:
    """Return (invariant, what is wrong) of all that ``verify`` finds, in the role that sees every organisation."""
    with Database(dsn, role="zorgsluis_engine", clock=world.clock) as database:
        engine = Gateway(database=database, clock=world.clock, keys=lambda _: world.keys)
        return [(found.invariant, found.what) for found in verify_all(engine, world.org, audit_heads=heads)]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["update audit_event set detail = '{}' where org = :org and seq = 3"], "is not as it was written"),
        (["delete from audit_event where org = :org and seq = 3"], "is gone or out of its place"),
        (["delete from audit_event where org = :org and seq >= 4"], "was cut off"),
        (
            [
                "update audit_event set seq = 99 where org = :org and seq = 3",
                "update audit_event set seq = 3 where org = :org and seq = 4",
                "update audit_event set seq = 4 where org = :org and seq = 99",
            ],
            "is not as it was written",
        ),
    ],
)
def test_verify_tells_of_a_row_that_was_altered_removed_cut_off_or_reordered(
    world: World, module_database_url: str, statements: list[str], expected: str
) -> None:
    tell(world)
    assert in_engine(world, module_database_url) == []
    for statement in statements:
        as_owner(module_database_url, statement, world.org)

    ((invariant, what),) = in_engine(world, module_database_url)
    assert (invariant, expected in what) == ("audit", True)


def test_verify_tells_of_a_tail_cut_off_with_its_head_when_the_heads_outside_are_given(
    world: World, module_database_url: str, tmp_path: Path
) -> None:
    heads = tmp_path / "heads.jsonl"
    tell(world)
    export_heads(world.gateway, world.org, heads)
    as_owner(module_database_url, "delete from audit_event where org = :org and seq > 2", world.org)
    world.rows(
        "update audit_chain set seq = 2, head = (select mac from audit_event where chain_id = audit_chain.id and seq = 2) returning id"
    )

    assert in_engine(world, module_database_url) == []
    assert [invariant for invariant, _ in in_engine(world, module_database_url, heads)] == ["audit"]


def test_that_nothing_is_held_back_any_more_is_told_too(world: World) -> None:
    filled(world)
    world.link("50", "basic")
    world.disclose()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")
    world.disclose()

    withheld = world.rows("select detail from audit_event where event = 'withheld' order by written")
    assert [row.detail for row in withheld][-2:] == [{"level-too-low": 1}, {}]
    assert world.one("select withheld from client").withheld == {}


def test_of_who_is_a_member_no_more_it_is_not_told_that_nothing_is_held_back(world: World) -> None:
    filled(world)
    world.link("50", "basic")
    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="50")

    assert all(row.detail for row in world.rows("select detail from audit_event where event = 'withheld'"))


def test_verify_reads_no_chain_of_another_organisation(world: World, module_database_url: str) -> None:
    other = open_world(module_database_url)
    with other.database:
        other.keys = replace(other.keys, audit_key=b"x" * 32)
        tell(other)
    tell(world)

    assert in_engine(world, module_database_url) == []


def test_each_change_of_links_and_rights_is_told_with_who_decided_and_what_it_set_in_motion(world: World) -> None:
    world.store(world.patient(), world.relation("50"), world.report("1"))
    member = consent.link(world.gateway, world.org, portal="familie", client="1001", person="50", by="front desk")
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical", granted_by="client")
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical", granted_by="client")
    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="50", by="front desk")

    told = world.rows(
        "select event, action, agent, client_id, detail from audit_event where event not in ('chain-start', 'withheld') order by seq"
    )

    assert [(row.event, row.action, row.agent) for row in told] == [
        ("link", "C", "front desk"),
        ("grant", "C", "client"),
        ("unlink", "D", "front desk"),
    ]
    assert UUID(member)
    assert {row.client_id for row in told} == {world.client()}
    assert told[1].detail["delivering"] == 4


def test_who_looked_at_a_list_of_clients_is_in_the_trail_of_each(world: World) -> None:
    world.store(world.patient(), world.patient("1002"))
    for number in ("1001", "1002"):
        consent.link(world.gateway, world.org, portal="familie", client=number, person="50", by="operator")

    looked_at(world.gateway, world.org, "exclusions", "1001", "anna")
    looked_at(world.gateway, world.org, "links", None, "anna")

    looked = world.rows("select client_id, agent, detail ->> 'what' as what from audit_event where event = 'search' order by seq")
    assert [row.what for row in looked] == ["exclusions", "links", "links"]
    assert {row.client_id for row in looked} == {row.client_id for row in world.rows("select client_id from link")}
    assert {row.agent for row in looked} == {"anna"}
