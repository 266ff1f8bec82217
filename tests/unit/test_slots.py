"""Slots: five a day, every day, whatever the clock does."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from schedules.slots import Hours

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
PORTALS = Hours(zone="Europe/Amsterdam", hours=(7, 11, 15, 19, 23))
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_ten_years_have_five_slots_on_every_day_over_every_clock_change() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=AMSTERDAM), datetime(2036, 1, 1, tzinfo=AMSTERDAM)
    slots = [slot.astimezone(AMSTERDAM) for slot in PORTALS.between(first, last)]

    days = Counter(slot.date() for slot in slots)
    assert len(days) == (date(2036, 1, 1) - date(2026, 1, 1)).days
    assert set(days.values()) == {5}
    assert {(slot.hour, slot.minute) for slot in slots} == {(7, 0), (11, 0), (15, 0), (19, 0), (23, 0)}


def test_the_clock_change_moves_the_offset_and_not_the_hour() -> None:
    before, after = (next(PORTALS.on(day)) for day in (date(2026, 10, 24), date(2026, 10, 25)))

    assert (before.hour, after.hour) == (5, 6)
    assert after - before == timedelta(hours=25)


def test_an_hour_that_is_repeated_counts_once_and_one_that_is_skipped_still_runs() -> None:
    night = Hours(zone="Europe/Amsterdam", hours=(2,))

    assert len(list(night.on(date(2026, 10, 25)))) == 1
    assert len(list(night.on(date(2027, 3, 28)))) == 1


@given(at=INSTANTS)
def test_the_next_slot_is_later_and_no_slot_lies_between(at: datetime) -> None:
    following = PORTALS.next(at)

    assert at < following
    assert list(PORTALS.between(at, following)) == [following]


@given(start=INSTANTS, cut=st.integers(0, 10**6), length=st.integers(0, 2 * 10**6))
def test_cutting_an_interval_anywhere_loses_and_doubles_no_slot(start: datetime, cut: int, length: int) -> None:
    middle, end = start + timedelta(seconds=min(cut, length)), start + timedelta(seconds=length)

    parts = [*PORTALS.between(start, middle), *PORTALS.between(middle, end)]
    assert parts == list(PORTALS.between(start, end))
