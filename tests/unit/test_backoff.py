"""Waiting between tries: full jitter under a doubling ceiling, and never less than a neighbour asked for."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.backoff import BASE_S, CAP_S, RETRY_AFTER_CAP_S, backoff, ceiling_s

ATTEMPTS = st.integers(min_value=1, max_value=10_000)
DRAWS = st.floats(min_value=0, max_value=1)


@given(attempt=ATTEMPTS, draw=DRAWS)
def test_a_wait_lies_between_nothing_and_the_cap(attempt: int, draw: float) -> None:
    assert timedelta(0) <= backoff(attempt, rng=lambda: draw) <= timedelta(seconds=CAP_S)


@given(attempt=ATTEMPTS)
def test_the_ceiling_never_sinks_with_another_failure(attempt: int) -> None:
    assert ceiling_s(attempt) <= ceiling_s(attempt + 1)


def test_the_ceiling_starts_at_two_seconds_doubles_and_stops_at_a_quarter_of_an_hour() -> None:
    assert [ceiling_s(attempt) for attempt in (1, 2, 3, 9, 10, 11)] == [BASE_S, 4, 8, 512, CAP_S, CAP_S]


def test_the_whole_range_is_used_so_that_those_who_failed_together_come_back_apart() -> None:
    assert backoff(5, rng=lambda: 0.0) == timedelta(0)
    assert backoff(5, rng=lambda: 1.0) == timedelta(seconds=32)


@given(attempt=ATTEMPTS, asked=st.floats(min_value=0, max_value=RETRY_AFTER_CAP_S), draw=DRAWS)
def test_nobody_comes_back_before_the_neighbour_allowed(attempt: int, asked: float, draw: float) -> None:
    assert backoff(attempt, asked, rng=lambda: draw) >= timedelta(seconds=asked)


@given(asked=st.floats(min_value=RETRY_AFTER_CAP_S, max_value=1e12), draw=DRAWS)
def test_a_mistyped_retry_after_does_not_silence_a_portal(asked: float, draw: float) -> None:
    assert backoff(1, asked, rng=lambda: draw) <= timedelta(seconds=RETRY_AFTER_CAP_S + BASE_S)


def test_a_retry_after_in_the_past_is_no_wait() -> None:
    assert backoff(1, -5.0, rng=lambda: 0.0) == timedelta(0)
