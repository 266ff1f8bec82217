"""No string is stored with a character that FHIR forbids, and every other character stays."""

from __future__ import annotations

import unicodedata
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.jsonbytes import canonical, dumps, loads
from gateway.store.characters import UNREADABLE, allowed, may_be_forbidden

TEXTS = st.text(alphabet=st.sampled_from("a\\ué \t\r\n\x00\x01\x0b\x1f\x7f"), max_size=6)
PARTS = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in texts(part)] if isinstance(value, list) else [value] * isinstance(value, str)


def forbidden(text: str) -> bool:
    return any(unicodedata.category(sign) == "Cc" and ord(sign) < 32 and sign not in "\t\r\n" for sign in text)


@given(PARTS)
def test_no_forbidden_character_is_left_and_nothing_else_changes(part: Any) -> None:
    cleaned = allowed(part)

    before, after = texts(part), texts(cleaned)
    assert not [text for text in after if forbidden(text)]
    for was, now in zip(before, after, strict=True):
        assert now == was if not forbidden(was) else now in ("".join(sign for sign in was if not forbidden(sign)), UNREADABLE)
        assert now.strip() or not was.strip() or not forbidden(was)
    assert loads(dumps(allowed(cleaned))) == loads(dumps(cleaned))


@given(PARTS)
def test_a_resource_that_is_not_looked_at_has_none(part: Any) -> None:
    assert may_be_forbidden(canonical(part)) or not [text for text in texts(part) if forbidden(text)]
