"""The checker of the soak finds each lie that a gateway could tell."""

from __future__ import annotations

from tests.soak.check import Allowed, Span, Wrote, checked

ALL, NONE = frozenset({"Observation/1", "Patient/1"}), frozenset[str]()


def put(ref: str, at: float, sha256: str = "a", member: str = "m") -> Wrote:
    return Wrote(member, ref, "put", at, sha256)


def gone(ref: str, at: float) -> Wrote:
    return Wrote("m", ref, "delete", at, None)


def test_what_was_permitted_and_came_and_went_in_time_is_in_order() -> None:
    writes = [put("Patient/1", 1), put("Observation/1", 2), gone("Observation/1", 12), gone("Patient/1", 13)]

    report = checked(writes, {"m": [Allowed(0, ALL), Allowed(10, NONE)]}, deadline_s=5)

    assert (report.unpermitted, report.missing, report.twice) == ([], [], [])
    assert (report.deliveries, report.retractions, report.exposed) == (2, 2, [3, 2])
    assert report.percentile(0.95) == 3


def test_what_is_left_after_the_last_change_is_found() -> None:
    report = checked([put("Observation/1", 1)], {"m": [Allowed(0, ALL), Allowed(10, NONE)]})

    assert report.unpermitted == ["m Observation/1: still there"]


def test_what_was_taken_back_too_late_is_found_and_an_outage_is_not_held_against_it() -> None:
    writes, allowed = [put("Observation/1", 1), gone("Observation/1", 40)], {"m": [Allowed(0, ALL), Allowed(10, NONE)]}

    assert checked(writes, allowed, deadline_s=20).unpermitted == ["m Observation/1: for 30 s"]
    assert checked(writes, allowed, deadline_s=20, outages=[Span(5, 25)]).unpermitted == []


def test_a_delivery_that_overtook_a_retraction_is_found() -> None:
    report = checked(
        [put("Observation/1", 11), gone("Observation/1", 40)], {"m": [Allowed(0, ALL), Allowed(10, NONE)]}, deadline_s=20
    )

    assert report.unpermitted == ["m Observation/1: for 29 s"]


def test_what_is_permitted_and_not_there_is_missing() -> None:
    report = checked([put("Patient/1", 1)], {"m": [Allowed(0, NONE), Allowed(10, ALL)]})

    assert report.missing == ["m Observation/1"]


def test_the_same_bytes_again_are_an_effect_twice_unless_they_were_gone_between() -> None:
    again = [put("Patient/1", 1), put("Patient/1", 2)]
    back = [put("Patient/1", 1), gone("Patient/1", 2), put("Patient/1", 3)]
    allowed = {"m": [Allowed(0, frozenset({"Patient/1"}))]}

    assert checked(again, allowed).twice == ["m Patient/1"]
    assert checked(back, allowed).twice == []
    assert checked([put("Patient/1", 1), put("Patient/1", 2, "b")], allowed).twice == []


def test_a_member_that_nobody_knows_is_found() -> None:
    assert checked([put("Patient/1", 1, member="other")], {}).unpermitted == ["other: nobody that we know"]
