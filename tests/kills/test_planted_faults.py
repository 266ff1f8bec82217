"""Two planted faults: what the kills compare would notice a gateway that isn't built as it should be.

The real ``serve`` runs with one line of it changed. Without the kill, or without the change, the same scenario ends well: that it fails
is the fault's doing.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.postgres import start
from gateway.state import postgres_folder
from tests.conftest import reachable_folder
from tests.kills.stage import AFTER_LEASES, BEFORE_SLOT, Prepared, Stage, await_condition, contents, prepared, staged
from tests.kills.test_kills import assert_as_if_nothing_happened, verified

SERVE = """
import sys
from api.cli.__main__ import main
sys.exit(main())
"""
# A slice is marked as read before what was read of it is journalled.
EARLY_BOOKMARK = """
from gateway.reading import pull

write = pull.Reading.write

def bookmark_first(self, batch):
    with self.gateway.database.transaction(self.org) as db:
        self.update(db, pull.DONE)
    write(self, batch)

pull.Reading.write = bookmark_first
"""
# One lane at a time, under a short lease; the process stops itself when it holds its first answer, and ends with what it does with that.
STOPPED_WITH_AN_ANSWER = """
import os, signal, threading
os.environ["ZORGSLUIS_LEASE_S"] = "2"
from gateway.outbox import delivery
from schedules.threads import Threads

Threads.__init__.__defaults__ = (1,)
settle = delivery._settle

# Lanes are delivered beside a slot too: the first to have an answer stops the process, no other gets further.
only_one = threading.Lock()

def stop_first(*values):
    only_one.acquire()
    print("lane-in-hand", values[0].id, flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        settle(*values)
    finally:
        os.kill(os.getpid(), signal.SIGKILL)

delivery._settle = stop_first
"""
UNFENCED = """
from gateway.outbox import lanes
assert "and fence = %(fence)s" in lanes.HOLD
lanes.HOLD = lanes.HOLD.replace("and fence = %(fence)s", "")
"""
UNDER_WAY = """
select client.patient_rid as client, person.code as person, link.member::text as member
from outbox join link on link.id = outbox.link_id join person on person.id = link.person_id join client on client.id = link.client_id
where outbox.lane_id = %s and outbox.sent_at is not null and outbox.op = 'put' limit 1"""

HELD = """
select count(*) from disclosure_ledger ledger join link on link.id = ledger.link_id
where link.member::text = %s and ledger.held_hash is not null"""


@pytest.fixture(scope="module")
def organisation(worker_id: str) -> Iterator[Prepared]:
    with prepared(reachable_folder(f"planted-{worker_id}")) as organisation:
        yield organisation


@pytest.fixture(scope="module")
def uninterrupted(organisation: Prepared) -> dict[tuple[str, str, str], str]:
    """What the portal holds after a run that nobody disturbed."""
    with staged(organisation, reachable_folder(f"{organisation.files.folder.name}-baseline")) as stage:
        runs_to_its_end(stage)
        return contents(stage.writes())


@pytest.fixture
def stage(organisation: Prepared, uninterrupted: object) -> Iterator[Stage]:
    with staged(organisation, reachable_folder(f"{organisation.files.folder.name}-copy")) as stage:
        yield stage


def program(*changes: str) -> list[str]:
    """Return ``serve`` with changes to its code."""
    return [sys.executable, "-c", "".join((*changes, SERVE))]


def runs_to_its_end(stage: Stage, clock: Any = BEFORE_SLOT, changed: list[str] | None = None) -> None:
    with stage.serving(clock, program=changed) as process:
        stage.until_done(process)


def test_a_bookmark_before_the_journal_is_harmless_while_nobody_kills(
    stage: Stage, uninterrupted: dict[tuple[str, str, str], str]
) -> None:
    runs_to_its_end(stage, changed=program(EARLY_BOOKMARK))

    assert_as_if_nothing_happened(stage, uninterrupted)


def test_a_bookmark_before_the_journal_is_noticed_when_the_process_is_killed_between_them(
    stage: Stage, uninterrupted: dict[tuple[str, str, str], str]
) -> None:
    with stage.serving(BEFORE_SLOT, "after-read:1", program(EARLY_BOOKMARK)) as process:
        assert process.wait(120) == -signal.SIGKILL

    runs_to_its_end(stage, AFTER_LEASES)

    with pytest.raises(AssertionError):
        assert_as_if_nothing_happened(stage, uninterrupted)
    assert contents(stage.writes()).items() < uninterrupted.items()


@contextmanager
def stopped_with_an_answer(stage: Stage, *changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``serve`` until it has an answer of the portal in hand and stands still, as a machine does that is moved."""
    with stage.serving(BEFORE_SLOT, program=program(STOPPED_WITH_AN_ANSWER, *changes)) as process:
        try:
            await_condition(lambda: process.poll() is not None or state_of(process) == "T")
            assert process.poll() is None
            yield process
        finally:
            process.kill()
            process.wait()


def state_of(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def lane_in_hand(stage: Stage) -> int:
    """Return the lane of which the stopped process has an answer; another may be on its way as well."""
    said = (stage.files.folder / f"serve-{BEFORE_SLOT:%H%M%S}.log").read_text()
    return int(said.rpartition("lane-in-hand ")[2].split()[0])


def held_by_our_ledger(stage: Stage, member: str) -> int:
    with start(postgres_folder(stage.files.folder)) as server, psycopg.connect(server.dsn()) as db:
        db.execute("set role zorgsluis_engine")
        row = db.execute(HELD, (member,)).fetchone()
    return int(row[0]) if row else 0


def overtaken(stage: Stage, *changes: str) -> str:
    """Stop a holder of a lane, take back what it delivers while another does the work, and let it go on; return the member."""
    with start(postgres_folder(stage.files.folder)) as server, stopped_with_an_answer(stage, *changes) as old:
        with psycopg.connect(server.dsn(), autocommit=True) as db:
            db.execute("set role zorgsluis_engine")
            row = db.execute(UNDER_WAY, (lane_in_hand(stage),)).fetchone()
        assert row is not None
        client, person, member = row
        lowered = stage.run("grant", "set", client, person, "none")
        assert lowered.returncode in (0, 1), lowered.stderr
        runs_to_its_end(stage, AFTER_LEASES)
        assert [place for place in contents(stage.writes()) if place[0] == member] == []
        assert verified(stage) == ""

        old.send_signal(signal.SIGCONT)
        assert old.wait(60) == -signal.SIGKILL
    return str(member)


def test_an_old_holder_that_goes_on_writes_nothing_over_what_happened_meanwhile(stage: Stage) -> None:
    member = overtaken(stage)

    assert held_by_our_ledger(stage, member) == 0
    assert verified(stage) == ""


def test_a_ledger_write_without_its_fence_is_noticed_when_an_old_holder_goes_on(stage: Stage) -> None:
    member = overtaken(stage, UNFENCED)

    # It says again that the member holds what was taken back, and leaves work in a lane that it let nobody have.
    assert held_by_our_ledger(stage, member) > 0
    assert verified(stage) != ""
