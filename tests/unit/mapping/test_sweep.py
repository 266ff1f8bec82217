"""Two versions over many messages: several processes say what one says, in the same order, and hand on what is wrong with a version."""

from __future__ import annotations

import os

import pytest

from gateway.mapping import sweep
from gateway.mapping.findings import MappingError
from gateway.mapping.golden import IDS
from gateway.mapping.sweep import Message, Versions, swept
from gateway.mapping.versions import shipped_files
from tests.golden.cases import cases

SHIPPED = shipped_files("ons")
CHANGE = b"extends: ons\nzone: Europe/London\nremove: [patient/P.3, patient/P.9]\n"


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """Return messages that make several pages."""
    monkeypatch.setattr(sweep, "PAGE", 16)
    return list(enumerate((case.record() for _ in range(3) for case in cases() if case.system == "ons"), start=1))


def versions(change: bytes) -> Versions:
    return Versions(old=SHIPPED, new={**SHIPPED, "overlays/own.yaml": change}, ids=IDS)


def test_several_processes_find_what_one_finds(messages: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    by_two = swept(versions(CHANGE), messages)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    by_one = swept(versions(CHANGE), messages)

    assert by_two.messages == by_one.messages == len(messages) > 3 * sweep.PAGE
    assert by_two.differing == by_one.differing > 0
    assert by_two.differences() == by_one.differences()
    assert all(one.examples for one in by_two.differences())


def test_what_is_wrong_with_a_version_is_said_whichever_process_finds_it(
    messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})

    with pytest.raises(MappingError) as error:
        swept(versions(b"extends: ons\nremove: [patient/nothing]\n"), messages)

    assert [(one.file, one.line) for one in error.value.findings] == [("overlays/own.yaml", 2)]


def test_no_messages_are_no_differences() -> None:
    assert swept(versions(CHANGE), []).differences() == []
