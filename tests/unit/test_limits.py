"""Permits: never more than the neighbour allows, over threads and over processes, whatever dies."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import limits
from gateway.context import loggable
from gateway.database import Database
from gateway.errors import Throttled, TransientError
from gateway.limits import NoPermit, Permits, permits, spread

ROOT = Path(__file__).parents[2]
LIMIT = 3
AT_ONCE_S = 0.05

HERE = """
from pg_locks
where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"""
HOLDER = """
import sys
from gateway.database import Database
from gateway.limits import Permits
with Database(sys.argv[1]) as database, Permits(database, "ons", 3).permit():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url) as database:
        yield database


def impatient(database: Database) -> Permits:
    """Permits as another process has them: an object of their own."""
    return Permits(database, "ons", LIMIT, patience_s=AT_ONCE_S)


def test_threads_of_one_process_never_hold_more_than_the_limit(database: Database) -> None:
    shared, held, most, guard = permits(database, "ons", LIMIT), 0, 0, threading.Lock()
    crowded = threading.Barrier(LIMIT)

    def work(number: int) -> None:
        nonlocal held, most
        with shared.permit():
            with guard:
                held, most = held + 1, max(most, held + 1)
            if number < LIMIT:
                crowded.wait(10)
            with guard:
                held -= 1

    with ThreadPoolExecutor(4 * LIMIT) as pool:
        list(pool.map(work, range(8 * LIMIT)))
    assert (held, most) == (0, LIMIT)


@given(
    limit=st.integers(1, 12),
    per_second=st.floats(0.5, 200),
    took=st.lists(st.floats(0, 3), min_size=1, max_size=60),
    late=st.lists(st.floats(0, 0.5), min_size=60, max_size=60),
)
def test_no_more_begin_within_any_second_than_are_allowed_however_soon_they_end(
    limit: int, per_second: float, took: list[float], late: list[float]
) -> None:
    """Every permit given out anew as soon as it may be, or somewhat later, on as many workers as there are permits."""
    at_once, least_s = spread(limit, per_second)
    free, began = [0.0] * at_once, []
    for lasted, waited in zip(took, late, strict=False):
        slot = min(range(at_once), key=free.__getitem__)
        began.append(free[slot] + waited)
        free[slot] = began[-1] + max(lasted, least_s)

    assert at_once <= limit
    for start in began:
        # Floating point: the one that begins a second later to the bit is in the next second.
        within = sum(start <= other < start + 1 - 1e-9 for other in began)
        assert within <= max(1, per_second)


def test_without_a_limit_a_second_a_permit_is_kept_no_longer_than_its_request() -> None:
    assert spread(4, None) == (4, 0.0)


def test_a_permit_is_kept_for_its_share_of_a_second_also_when_its_request_fails(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(limits, "pause", clock.wait)
    # Two objects, as two processes have them, over the same locks.
    one, other = (Permits(database, "ons", 2, per_second=10, now=clock) for _ in range(2))
    for took, asked in ((0.0, one), (0.15, other), (0.5, one), (0.0, other)):
        with suppress(ZeroDivisionError), asked.permit():
            clock.at += took
            raise ZeroDivisionError

    assert clock.waited == pytest.approx([0.2, 0.05, 0.2])


class Clock:
    """Seconds that pass when somebody waits or works."""

    def __init__(self) -> None:
        self.at = 0.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at += seconds


def test_fewer_a_second_than_at_once_are_so_many_at_once(database: Database) -> None:
    one = Permits(database, "ons", 4, patience_s=AT_ONCE_S, per_second=2, now=iter([0.0, 0.0, 9.0, 9.0]).__next__)
    with one.permit(), one.permit(), pytest.raises(NoPermit), one.permit():
        raise AssertionError("a third")


def test_the_permits_of_a_credential_are_one_object_for_all_threads(database: Database) -> None:
    assert permits(database, "ons", LIMIT) is permits(database, "ons", LIMIT)
    assert permits(database, "ons", LIMIT) is not permits(database, "other", LIMIT)


def test_processes_share_the_limit(database: Database) -> None:
    one, other = impatient(database), impatient(database)
    with one.permit(), one.permit(), other.permit():
        with pytest.raises(NoPermit), other.permit():
            raise AssertionError("a fourth")
        with pytest.raises(Throttled), one.permit():
            raise AssertionError("a fourth")
    with other.permit(), other.permit(), other.permit():
        pass


def test_another_credential_has_permits_of_its_own(database: Database) -> None:
    other = Permits(database, "puur", 1, patience_s=AT_ONCE_S)
    with impatient(database).permit(), impatient(database).permit(), impatient(database).permit(), other.permit():
        pass


def test_a_permit_comes_back_when_its_block_fails(database: Database) -> None:
    one = Permits(database, "ons", 1, patience_s=AT_ONCE_S)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), one.permit():
            raise ZeroDivisionError


def test_a_killed_process_gives_its_permits_back(database_url: str, database: Database) -> None:
    command = [sys.executable, "-c", HOLDER, database_url]
    holders = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(LIMIT)
    ]
    try:
        for holder in holders:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
        with pytest.raises(NoPermit), impatient(database).permit():
            raise AssertionError("a fourth")
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()
    with Permits(database, "ons", LIMIT).permit():
        pass


def test_after_a_lost_connection_permits_are_given_again(database_url: str, database: Database) -> None:
    one = impatient(database)
    with one.permit():
        with psycopg.connect(database_url) as other:
            other.execute(f"select pg_terminate_backend(pid) {HERE}")
        with pytest.raises(TransientError), one.permit():
            raise AssertionError("over a connection that is gone")
    with one.permit(), one.permit(), one.permit():
        pass


def test_no_connection_is_kept_while_no_permit_is_held(database_url: str, database: Database) -> None:
    one = impatient(database)
    with one.permit(), one.permit():
        assert _locks(database_url) == 2
    assert _locks(database_url) == 0
    for _ in range(50):
        with one.permit(), database.session() as again:
            assert again.execute("select 1").fetchone()


def _locks(dsn: str) -> int:
    with psycopg.connect(dsn) as db:
        return len(db.execute(f"select pid {HERE}").fetchall())


@pytest.mark.parametrize("value", [41, 1.5, None, True, "reports", "/v0/xstream/reports", "2026-11-21T06:00:00+00:00", "W/2"])
def test_numbers_codes_and_paths_are_logged_as_they_are(value: object) -> None:
    assert loggable(value) == value


@pytest.mark.parametrize(
    "value", ["mevrouw De Vries viel vannacht", 999_123_459, "bsn-999123459", "x" * 200, b"bytes", {"naam": "Zoë"}]
)
def test_sentences_numbers_of_people_and_records_are_not_logged(value: object) -> None:
    assert loggable(value) == "[redacted]"
