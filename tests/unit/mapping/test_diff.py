"""Two versions compared: differences by meaning, counted by place, shown without a value of anybody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.diff import EXAMPLES, Comparison, Difference
from gateway.model import Issue, Mapped, MapResult


def patient(body: dict[str, Any] | None = None, **facts: Any) -> Mapped:
    whole = {"resourceType": "Patient", "id": "p1", **(body or {})}
    return Mapped(**{"type": "Patient", "id": "p1", "body": whole, "class_": "patient", "patient": "p1", **facts})


def result(*mapped: Mapped, issues: tuple[Issue, ...] = (), outcome: Any = "ok", reason: str | None = None) -> MapResult:
    return MapResult(outcome=outcome, mapped=mapped, issues=issues, reason=reason)


def compared(*pairs: tuple[MapResult, MapResult]) -> list[Difference]:
    comparison = Comparison()
    for take in (comparison.take, comparison.show):
        for number, (old, new) in enumerate(pairs, start=1):
            take(number, old, new)
    return comparison.differences()


def places(found: list[Difference]) -> dict[tuple[str, str], int]:
    return {(one.kind, one.path): one.count for one in found}


JSON = st.recursive(
    st.text(min_size=1) | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=2),
    lambda below: st.lists(below, min_size=1, max_size=3) | st.dictionaries(st.text(min_size=1), below, min_size=1, max_size=3),
    max_leaves=8,
)


@given(body=st.dictionaries(st.text(min_size=1), JSON, max_size=4))
def test_what_is_equal_differs_nowhere(body: dict[str, Any]) -> None:
    assert compared((result(patient(body)), result(patient(dict(reversed(body.items())))))) == []


@given(old=st.dictionaries(st.text(min_size=1), JSON, max_size=4), new=st.dictionaries(st.text(min_size=1), JSON, max_size=4))
def test_what_is_not_equal_differs_somewhere(old: dict[str, Any], new: dict[str, Any]) -> None:
    differs = {name: repr(value) for name, value in old.items()} != {name: repr(value) for name, value in new.items()}

    found = compared((result(patient(old)), result(patient(new))))

    assert differs or not found


def test_an_element_that_moved_in_a_list_is_no_difference() -> None:
    one, other = {"value": "1"}, {"value": "2"}

    assert compared((result(patient({"identifier": [one, other]})), result(patient({"identifier": [other, one]})))) == []


def test_an_element_that_came_before_others_is_one_that_was_added() -> None:
    old = {"identifier": [{"value": "1"}, {"value": "2"}]}
    new = {"identifier": [{"system": "https://a.example", "value": "0"}, {"value": "1"}, {"value": "2"}]}

    assert places(compared((result(patient(old)), result(patient(new))))) == {
        ("added", "identifier.system"): 1,
        ("added", "identifier.value"): 1,
    }


def test_a_digit_counts() -> None:
    old = {"multipleBirthInteger": Decimal("72.4")}
    new = {"multipleBirthInteger": Decimal("72.40")}

    assert places(compared((result(patient(old)), result(patient(new))))) == {("changed", "multipleBirthInteger"): 1}


def test_a_resource_that_comes_or_goes_is_one_difference() -> None:
    assert places(compared((result(), result(patient({"gender": "female"}))))) == {("added", "(resource)"): 1}
    assert places(compared((result(patient({"gender": "female"})), result()))) == {("removed", "(resource)"): 1}


def test_what_is_decided_about_a_resource_counts_too() -> None:
    found = compared((result(patient(audience="circle")), result(patient(audience="trust-group", labels=frozenset({"V"})))))

    assert places(found) == {("changed", "(audience)"): 1, ("changed", "(labels)"): 1}
    audience = next(one for one in found if one.path == "(audience)")
    assert (audience.examples[0].old, audience.examples[0].new) == ("circle", "trust-group")


def test_a_message_that_would_be_quarantined_comes_first() -> None:
    issue = Issue(
        severity="error",
        code="required-missing",
        row="p/1",
        source_path="PID-3",
        target_path="id",
        masked="",
        reason="empty",
        action="record quarantined",
    )
    held = result(issues=(issue,), outcome="quarantined", reason="required-missing")

    found = compared((result(patient()), held), (held, held))

    assert [(one.kind, one.path, one.messages) for one in found] == [
        ("outcome", "ok -> quarantined (required-missing)", 1),
        ("issue", "new: required-missing at p/1", 1),
        ("removed", "(resource)", 1),
    ]


def test_of_many_messages_a_few_are_named_and_all_are_counted() -> None:
    pair = result(patient({"gender": "female"})), result(patient({"gender": "male"}))

    [one] = compared(*[pair] * 50)

    assert (one.count, one.messages, len(one.examples)) == (50, 50, EXAMPLES)
    assert [example.journal_id for example in one.examples] == [1, 2, 3, 4, 5]


@given(old=st.text(min_size=3), new=st.text(min_size=3))
def test_no_example_shows_a_text(old: str, new: str) -> None:
    before = {"name": [{"text": old}], "extension": [{"url": "https://a.example", "valueString": old}]}
    after = {"name": [{"text": new}], "extension": [{"url": "https://a.example", "valueString": new}]}

    shown = [
        side
        for one in compared((result(patient(before)), result(patient(after))))
        for example in one.examples
        for side in (example.old, example.new)
    ]

    assert set(shown) <= {"****"}
