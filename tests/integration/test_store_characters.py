"""What the store leaves out of a text is told, at the record that it came with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from gateway.jsonbytes import loads
from gateway.translate import CLEANED, _outcome
from tests.integration.store_world import World, open_world


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    opened = open_world(database_url)
    yield opened
    opened.database.close()


@pytest.mark.parametrize(("text", "cleaned"), [("a\x0bb", True), ("a\\u000b b", False), ("a\tb", False)])
def test_a_record_whose_text_loses_a_control_character_has_an_issue(world: World, text: str, cleaned: bool) -> None:
    stream, key, [mapped] = world.report("1")
    _, fate = world.store(world.patient(), (stream, key, [replace(mapped, body={**mapped.body, "conclusion": text})]))

    stored = loads(bytes(world.one("select body from resource where rtype = %s", mapped.type).body))["conclusion"]
    assert (stored == text) == (not cleaned)
    assert fate.cleaned == cleaned
    assert _outcome(fate.journal_id or 0, None, fate).issues == ((CLEANED,) if cleaned else ())
