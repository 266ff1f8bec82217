"""Read one slice into the journal. A task: takes an id, may be killed anywhere and run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import structlog

from gateway.backoff import backoff
from gateway.connector import Record, Rejection, Slice, StreamSpec
from gateway.crash import crash_point
from gateway.database import Connection
from gateway.errors import Conflict, CursorExpired, GatewayError, PermanentError, Retryable
from gateway.guard import each, guarded
from gateway.journal import UNREADABLE, Place, named, record_page
from gateway.limits import NoPermit
from gateway.reading import breaker
from gateway.reading.absence import counts_absence, note_missing
from gateway.reading.sources import Source, source_of
from gateway.runtime import Gateway

BATCH: Final = 1000
MAX_ATTEMPTS: Final = 5
MAX_PAGES: Final = 100_000
# Longer than a request may wait for its permit and its answer.
LEASE: Final = timedelta(seconds=120)

CLAIM: Final = """
update slice set fence = fence + 1, lease_until = app_now() + %s
where id = %s and state = 'ready' and (lease_until is null or lease_until < app_now())
  and (not_before is null or not_before <= app_now())
returning id, run_id, source_id, stream, partition, lower, upper, next_page, reconcile, fence, attempt"""
SOURCE_OF: Final = "select source_id from slice where id = %s"
TURN_PAGE: Final = "update slice set next_page = %s where id = %s and fence = %s"
DONE: Final = """
update slice set state = 'done', lease_until = null, not_before = null, error_code = null, error_detail = null
where id = %s and fence = %s"""
# A failure was a request too, unless it is counted by then; one that our own workers made wait costs no attempt.
LATER: Final = """
update slice set lease_until = null, not_before = app_now() + %s, attempt = attempt + %s, requests = requests + %s,
  error_code = %s, error_detail = %s
where id = %s and fence = %s"""
FAILED: Final = """
update slice set state = 'failed', lease_until = null, attempt = attempt + 1, requests = requests + %s,
  error_code = %s, error_detail = %s
where id = %s and fence = %s"""
GIVE_UP: Final = """
update slice set state = 'failed', lease_until = null, fence = fence + 1, error_code = %s, error_detail = %s
where run_id = %s and state = 'ready'"""
RESTART: Final = """
update slice set lower = null, next_page = null, lease_until = null, attempt = attempt + 1, requests = requests + %s
where id = %s and fence = %s"""
LET_GO: Final = "update slice set lease_until = null where id = %s and fence = %s"

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Reading:
    """A slice under our lease. ``uncounted`` are requests made that no row counts yet; what reads it is there once it is opened."""

    gateway: Gateway
    org: int
    row: Any
    uncounted: int = 0
    source: Source = field(init=False)
    stream: StreamSpec = field(init=False)

    def open(self) -> None:
        """Find what reads it.

        Raises:
            GatewayError: the connector is gone, broken, or no longer has this stream.
        """
        self.source = source_of(self.gateway, self.org, self.row.source_id)
        self.stream = self.source.stream(self.row.stream)

    @property
    def place(self) -> Place:
        """Where its records go."""
        row = self.row
        return Place(
            org=self.org,
            source=row.source_id,
            run=row.run_id,
            slice=row.id,
            fence=row.fence,
            lease=LEASE,
            stream=self.stream.name,
            kind=self.stream.kind,
            partition=row.partition,
        )

    @property
    def slice(self) -> Slice:
        """The slice as the connector knows it."""
        return Slice(stream=self.row.stream, partition=self.row.partition, lower=self.row.lower, upper=self.row.upper)

    def write(self, batch: list[Record | Rejection]) -> None:
        """Journal a batch in one transaction, with the requests that it took."""
        crash_point("after-read")
        with self.gateway.database.transaction(self.org) as db:
            record_page(db, self.gateway.keys(self.org), self.place, batch, self.uncounted)
        self.uncounted = 0
        crash_point("after-journal-commit")

    def update(self, db: Connection, statement: str, *values: Any) -> None:
        """Change the slice, if it is still ours.

        Raises:
            Conflict: another worker took it over.
        """
        if db.execute(statement, (*values, self.row.id, self.row.fence)).rowcount != 1:
            raise Conflict(f"slice {self.row.id}: taken over by another worker")


def pull_slice(gateway: Gateway, org: int, slice_id: int) -> None:
    """Read a slice to its end. Failures end in its row, never in an exception; a slice that isn't due is left alone."""
    row = _claim(gateway, org, slice_id)
    if row is None:
        return
    with structlog.contextvars.bound_contextvars(trace=str(uuid4()), slice=slice_id):
        reading = Reading(gateway=gateway, org=org, row=row)
        try:
            reading.open()
            _reconcile(reading) if row.reconcile else _read(reading)
        except Conflict:
            _let_go(reading)
        except GatewayError as error:
            _failed(reading, error)


def _claim(gateway: Gateway, org: int, slice_id: int) -> Any | None:
    with gateway.database.transaction(org) as db:
        known = db.execute(SOURCE_OF, (slice_id,)).fetchone()
        if known is None or not breaker.admits(db, known.source_id):
            return None
        return db.execute(CLAIM, (LEASE, slice_id)).fetchone()


def _read(reading: Reading) -> None:
    """Read page by page, and end the slice. Where silence means deletion it is read from its first page, whatever was read before."""
    judged = counts_absence(reading.stream)
    page, seen = None if judged else reading.row.next_page, Seen()
    for _ in range(MAX_PAGES):
        following = _read_page(reading, page, seen if judged else None)
        if following is None:
            _end(reading, seen.keys if judged and seen.whole else None)
            return
        page = following
        with reading.gateway.database.transaction(reading.org) as db:
            reading.update(db, TURN_PAGE, page)
    raise PermanentError(f"a slice has more than {MAX_PAGES} pages")


def _read_page(reading: Reading, page: str | None, seen: Seen | None) -> str | None:
    """Journal one page in batches; return which page follows."""
    reading.uncounted = 1
    with guarded():
        found = reading.source.connector.read(reading.source.context, reading.stream, reading.slice, page)
    reading.uncounted = found.requests
    ring = reading.gateway.keys(reading.org)
    # A feed is read off the wire: letting it go ends its request.
    with closing(each(found.records)) as records:
        for batch in batches(named(ring, one) for one in records):
            reading.write(batch)
            if seen is not None:
                seen.add(batch)
    if reading.uncounted:
        reading.write([])
    return found.next


def _reconcile(reading: Reading) -> None:
    """Read the full list of keys."""
    reading.uncounted = 1
    keys = set(each(reading.source.connector.keys(reading.source.context, reading.stream, reading.slice)))
    reading.write([])
    _end(reading, keys)


def _end(reading: Reading, keys: set[str] | None) -> None:
    """Close a slice that was read whole, with what it misses where its silence counts."""
    with reading.gateway.database.transaction(reading.org) as db:
        reading.update(db, DONE)
        if keys is not None:
            note_missing(db, reading.row.id, reading.stream, keys)
        breaker.succeeded(db, reading.source.id)


@dataclass(slots=True)
class Seen:
    """The keys of a slice; not ``whole`` when something had none that could be read."""

    keys: set[str] = field(default_factory=set)
    whole: bool = True

    def add(self, batch: Iterable[Record | Rejection]) -> None:
        """Take in a batch."""
        for one in batch:
            self.keys.add(one.key)
            self.whole = self.whole and not one.key.startswith(UNREADABLE)


def batches(records: Iterable[Record | Rejection]) -> Iterator[list[Record | Rejection]]:
    """Cut a stream of records into batches in which no key occurs twice."""
    batch: dict[str, Record | Rejection] = {}
    for one in records:
        if len(batch) == BATCH or one.key in batch:
            yield list(batch.values())
            batch = {}
        batch[one.key] = one
    if batch:
        yield list(batch.values())


def _let_go(reading: Reading) -> None:
    """Leave the slice to whoever has it by now, or to the next one when this process is stopping."""
    log.info("slice.let_go", stream=reading.row.stream)
    with reading.gateway.database.transaction(reading.org) as db:
        db.execute(LET_GO, (reading.row.id, reading.row.fence))


def _failed(reading: Reading, error: GatewayError) -> None:
    """Do what the error's class says: later, never, or nothing more of this source in this run."""
    log.warning("slice.failed", stream=reading.row.stream, code=error.code, status=error.status, attempt=reading.row.attempt + 1)
    act = next(action for kind, action in ACTIONS if isinstance(error, kind))
    try:
        with reading.gateway.database.transaction(reading.org) as db:
            act(reading, db, error)
            if breaker.failed(db, reading.row.source_id, error):
                db.execute(GIVE_UP, (error.code, str(error), reading.row.run_id))
    except Conflict:
        log.info("slice.let_go", stream=reading.row.stream)


def _later(reading: Reading, db: Connection, error: GatewayError) -> None:
    counts = 0 if isinstance(error, NoPermit) else 1
    failures = reading.row.attempt + counts
    if failures >= MAX_ATTEMPTS:
        _never(reading, db, error)
        return
    wait = backoff(failures, error.retry_after)
    reading.update(db, LATER, wait, counts, reading.uncounted * counts, error.code, str(error))


def _never(reading: Reading, db: Connection, error: GatewayError) -> None:
    reading.update(db, FAILED, reading.uncounted, error.code, str(error))


def _restart(reading: Reading, db: Connection, error: GatewayError) -> None:
    """Read everything: the source no longer knows where we were."""
    if reading.row.attempt + 1 >= MAX_ATTEMPTS:
        _never(reading, db, error)
    else:
        reading.update(db, RESTART, reading.uncounted)


ACTIONS: Final[tuple[tuple[type[GatewayError], Callable[[Reading, Connection, GatewayError], None]], ...]] = (
    (Retryable, _later),
    (CursorExpired, _restart),
    (GatewayError, _never),
)
