"""Read one slice into the journal. A task: takes an id, ends within minutes, may be killed anywhere and run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from gateway.backoff import backoff
from gateway.connector import Record, Rejection, Slice, StreamSpec
from gateway.crash import crash_point
from gateway.errors import Conflict, CursorExpired, GatewayError, Misconfigured, Retryable
from gateway.journal import Place, record_batch
from gateway.reading.absence import vanished_from_keys, vanished_from_slice
from gateway.reading.sources import Source, source_of
from gateway.runtime import Gateway

BATCH: Final = 1000
MAX_ATTEMPTS: Final = 5
MAX_PAGES: Final = 100_000
LEASE: Final = timedelta(minutes=5)

CLAIM: Final = """
update slice set fence = fence + 1, lease_until = app_now() + %s, attempt = attempt + 1
where id = %s and state = 'ready' and (lease_until is null or lease_until < app_now())
  and (not_before is null or not_before <= app_now())
returning id, run_id, source_id, stream, partition, lower, upper, next_page, reconcile, fence, attempt"""
TURN_PAGE: Final = "update slice set next_page = %s where id = %s and fence = %s"
DONE: Final = """
update slice set state = 'done', lease_until = null, error_code = null, error_detail = null where id = %s and fence = %s"""
LATER: Final = """
update slice set lease_until = null, not_before = app_now() + %s, error_code = %s, error_detail = %s
where id = %s and fence = %s"""
FAILED: Final = """
update slice set state = 'failed', lease_until = null, error_code = %s, error_detail = %s where id = %s and fence = %s"""
FAIL_REST: Final = """
update slice set state = 'failed', error_code = %s, error_detail = %s where run_id = %s and state = 'ready'"""
RESTART: Final = "update slice set lower = null, next_page = null, lease_until = null where id = %s and fence = %s"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A slice under our lease."""

    gateway: Gateway
    org: int
    source: Source
    stream: StreamSpec
    row: Any

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
            stream=self.stream.name,
            kind=self.stream.kind,
            partition=row.partition,
        )

    @property
    def slice(self) -> Slice:
        """The slice as the connector knows it."""
        return Slice(stream=self.row.stream, partition=self.row.partition, lower=self.row.lower, upper=self.row.upper)

    def write(self, batch: list[Record | Rejection], requests: int) -> None:
        """Journal a batch in one transaction."""
        crash_point("after-read")
        with self.gateway.database.transaction(self.org) as db:
            record_batch(db, self.gateway.keys(self.org), self.place, batch, requests)
        crash_point("after-journal-commit")

    def update(self, statement: str, *values: Any) -> None:
        """Change the slice, if it is still ours.

        Raises:
            Conflict: another worker took it over.
        """
        with self.gateway.database.transaction(self.org) as db:
            if db.execute(statement, (*values, self.row.id, self.row.fence)).rowcount != 1:
                raise Conflict(f"slice {self.row.id}: taken over by another worker")


def pull_slice(gateway: Gateway, org: int, slice_id: int) -> None:
    """Read a slice to its end. Failures end in its row, never in an exception; a slice that isn't due is left alone."""
    with gateway.database.transaction(org) as db:
        row = db.execute(CLAIM, (LEASE, slice_id)).fetchone()
    if row is None:
        return
    source = source_of(gateway, org, row.source_id)
    reading = Reading(gateway=gateway, org=org, source=source, stream=source.stream(row.stream), row=row)
    try:
        _reconcile(reading) if row.reconcile else _read(reading)
        reading.update(DONE)
    except Conflict:
        log.info("slice.lost", slice=slice_id)
    except GatewayError as error:
        _failed(reading, error)


def _read(reading: Reading) -> None:
    """Read page by page; a page is journalled whole before the slice moves to the next one."""
    page, keys = reading.row.next_page, set[str]()
    for _ in range(MAX_PAGES):
        found = reading.source.connector.read(reading.source.context, reading.stream, reading.slice, page)
        requests = found.requests
        for batch in batches(found.records):
            reading.write(batch, requests)
            keys.update(one.key for one in batch)
            requests = 0
        if requests:
            reading.write([], requests)
        if found.next is None:
            break
        page = found.next
        reading.update(TURN_PAGE, page)
    vanished_from_slice(reading, keys)


def _reconcile(reading: Reading) -> None:
    """Read the full list of keys and journal the deletion of what is no longer in it."""
    vanished_from_keys(reading, set(reading.source.connector.keys(reading.source.context, reading.stream, reading.slice)))


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


def _failed(reading: Reading, error: GatewayError) -> None:
    """Do what the error's class says: later, never, or the whole source."""
    log.warning("slice.failed", slice=reading.row.id, stream=reading.stream.name, code=error.code, attempt=reading.row.attempt)
    act = next(action for kind, action in ACTIONS if isinstance(error, kind))
    try:
        act(reading, error)
    except Conflict:
        log.info("slice.lost", slice=reading.row.id)


def _later(reading: Reading, error: GatewayError) -> None:
    if reading.row.attempt >= MAX_ATTEMPTS:
        _never(reading, error)
        return
    reading.update(LATER, backoff(reading.row.attempt, error.retry_after), error.code, str(error))


def _never(reading: Reading, error: GatewayError) -> None:
    reading.update(FAILED, error.code, str(error))


def _stop_source(reading: Reading, error: GatewayError) -> None:
    """Nothing on this source can pass: its other slices would only knock on the same closed door."""
    reading.update(FAILED, error.code, str(error))
    with reading.gateway.database.transaction(reading.org) as db:
        db.execute(FAIL_REST, (error.code, str(error), reading.row.run_id))


def _restart(reading: Reading, _error: GatewayError) -> None:
    reading.update(RESTART)


ACTIONS: Final[tuple[tuple[type[GatewayError], Callable[[Reading, GatewayError], None]], ...]] = (
    (Retryable, _later),
    (Misconfigured, _stop_source),
    (CursorExpired, _restart),
    (GatewayError, _never),
)
