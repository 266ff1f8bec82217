"""One breaker a portal, shared by all workers through the portal's row."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import breaker
from gateway.database import Database
from gateway.errors import AmbiguousError, AuthError, GatewayError, Misconfigured, Throttled, TransientError

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DOWN = TransientError("out of order", status=503)


class Bench:
    """A portal's row, and a clock that moves."""

    def __init__(self, dsn: str) -> None:
        self.at = NOON
        self.database = Database(dsn, clock=lambda: self.at)
        with self.database.transaction(None) as db:
            row = db.execute("insert into organisation (code, name) values ('a', 'A') returning id").fetchone()
            assert row is not None
            self.org = int(row.id)
        with self.database.transaction(self.org) as db:
            row = db.execute(
                "insert into portal (org, code, connector) values (%s, 'familie', 'none') returning id", (self.org,)
            ).fetchone()
            assert row is not None
            self.portal = int(row.id)

    def fail(self, error: GatewayError, times: int = 1) -> None:
        for _ in range(times):
            with self.database.transaction(self.org) as db:
                breaker.failed(db, self.portal, error)

    def succeed(self) -> None:
        with self.database.transaction(self.org) as db:
            breaker.succeeded(db, self.portal)

    def admits(self) -> bool:
        with self.database.transaction(self.org) as db:
            return breaker.admits(db, self.portal)

    def begin_anew(self) -> None:
        with self.database.transaction(self.org) as db:
            db.execute("update portal set failures = 0, breaker_reason = null, breaker_until = null, recent = 0::bit(20)")

    def row_version(self) -> str:
        with self.database.transaction(self.org) as db:
            row = db.execute("select ctid::text as place from portal").fetchone()
        assert row is not None
        return str(row.place)

    @property
    def reason(self) -> str | None:
        with self.database.transaction(self.org) as db:
            row = db.execute("select breaker_reason from portal").fetchone()
        assert row is not None
        reason: str | None = row.breaker_reason
        return reason


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    bench = Bench(database_url)
    with bench.database:
        yield bench


def test_four_failures_in_a_row_leave_it_closed_and_the_fifth_opens_it(bench: Bench) -> None:
    bench.fail(DOWN, 4)
    assert bench.admits()
    bench.fail(DOWN)

    assert not bench.admits()
    assert bench.reason == "transient 503"


def test_a_success_in_between_begins_the_count_anew(bench: Bench) -> None:
    bench.fail(DOWN, 4)
    bench.succeed()
    bench.fail(DOWN, 4)

    assert bench.admits()


def test_more_than_half_of_the_last_twenty_calls_open_it_though_no_five_failed_in_a_row(bench: Bench) -> None:
    for _ in range(10):
        bench.fail(DOWN)
        bench.succeed()
    assert bench.admits()
    bench.fail(DOWN)
    assert bench.admits(), "the oldest failure is no longer among them"
    bench.fail(DOWN)

    assert not bench.admits()
    assert bench.reason == "transient 503"


def test_a_portal_that_is_well_costs_no_write_once_its_last_failure_is_twenty_calls_ago(bench: Bench) -> None:
    bench.fail(DOWN)
    for _ in range(20):
        bench.succeed()
    version = bench.row_version()
    bench.succeed()

    assert bench.row_version() == version


@given(calls=st.lists(st.sampled_from((True, False, False)), max_size=80))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_open_after_five_failures_in_a_row_or_more_than_half_of_twenty_until_the_next_success(
    bench: Bench, calls: list[bool]
) -> None:
    bench.begin_anew()
    row, recent, open_ = 0, deque[bool](maxlen=20), False
    for good in calls:
        if good:
            bench.succeed()
            recent.append(False)
            if open_:
                recent.clear()
            row, open_ = 0, False
        else:
            bench.fail(DOWN)
            recent.append(True)
            row += 1
            open_ = open_ or row >= 5 or sum(recent) > 10
        assert (bench.reason is not None) == open_


def test_an_open_breaker_lets_one_worker_through_per_interval(bench: Bench) -> None:
    bench.fail(AmbiguousError("no answer"), 5)
    bench.at += timedelta(seconds=30)

    assert [bench.admits() for _ in range(3)] == [True, False, False]
    bench.at += timedelta(seconds=30)
    assert bench.admits()


def test_a_probe_that_succeeds_closes_it_for_everybody(bench: Bench) -> None:
    bench.fail(DOWN, 5)
    bench.at += timedelta(seconds=30)
    assert bench.admits()
    bench.succeed()

    assert bench.reason is None
    assert [bench.admits() for _ in range(3)] == [True, True, True]


@pytest.mark.parametrize(("error", "reason"), [(AuthError("no", status=401), "auth 401"), (Misconfigured("no"), "config")])
def test_refused_credentials_stop_the_portal_at_once(bench: Bench, error: GatewayError, reason: str) -> None:
    bench.fail(error)

    assert bench.reason == reason
    bench.at += timedelta(minutes=14)
    assert not bench.admits()
    bench.at += timedelta(minutes=2)
    assert bench.admits()


def test_a_stopped_portal_alerts_once_however_often_it_is_probed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.fail(AuthError("no", status=401), 3)

    assert capsys.readouterr().out.count("portal.stopped") == 1


def test_a_plea_for_patience_pauses_the_portal_for_everybody_and_is_no_failure(bench: Bench) -> None:
    bench.fail(Throttled("slow down", status=429, retry_after=60))
    assert not bench.admits()

    bench.at += timedelta(seconds=59)
    assert not bench.admits()
    bench.at += timedelta(seconds=4)
    assert bench.admits()


def test_a_second_shorter_plea_does_not_shorten_the_first(bench: Bench) -> None:
    bench.fail(Throttled("slow down", status=429, retry_after=600))
    bench.fail(Throttled("slow down", status=429, retry_after=1))
    bench.at += timedelta(seconds=599)

    assert not bench.admits()


def test_a_portal_that_is_not_there_admits_nobody(bench: Bench) -> None:
    with bench.database.transaction(bench.org) as db:
        assert not breaker.admits(db, bench.portal + 1)


def test_an_operator_can_close_it(bench: Bench) -> None:
    bench.fail(AuthError("no", status=401))

    breaker.close(bench.database, bench.org, "familie")

    assert bench.reason is None
    assert bench.admits()
