"""Where something was taken back by a tombstone, the sample portal shows nothing."""

from __future__ import annotations

import json

import pytest

from gateway.outbox.tombstone import FORMS, tombstone
from samples.portal.reading.rights import Level, allowed

# A place and a list of questions are only shown with what refers to them.
SHOWN = sorted(set(FORMS) - {"Location", "Questionnaire"})


@pytest.mark.parametrize("type_", SHOWN)
def test_a_tombstone_is_shown_to_nobody(type_: str) -> None:
    item = json.loads(tombstone(type_, "x") or b"")

    assert not any(allowed(item, level) for level in Level)
