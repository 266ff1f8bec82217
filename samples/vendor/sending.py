"""In which order messages go out: as they were made, but for some that are overtaken and some that come twice, as on a bad line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samples.vendor.world import Message

#: Of so many messages one is sent twice; of so many that are followed by news of the same thing one comes after that news.
TWICE_EVERY, OVERTAKEN_EVERY = 13, 2
#: What may be overtaken: a reader that goes by MSH-7 ends up the same.
MAY_WAIT = frozenset({"siu", "oru"})


def in_order_of_sending(messages: Sequence[Message]) -> Iterator[Message]:
    """Yield every message at least once. Which are overtaken or repeated follows from their place, so it is the same each time."""
    behind = overtaken(messages)
    late = {message.control_id for some in behind.values() for message in some}
    for place, message in enumerate(messages):
        if message.control_id in late:
            continue
        yield message
        if place % TWICE_EVERY == TWICE_EVERY - 1:
            yield message
        yield from behind.get(message.control_id, ())


def overtaken(messages: Sequence[Message]) -> dict[str, list[Message]]:
    """Return, by control id, the messages that come after that one instead of before it."""
    first: dict[tuple[str, ...], Message] = {}
    behind: dict[str, list[Message]] = {}
    pairs = 0
    for message in messages:
        if message.kind not in MAY_WAIT or len(message.about) != 1:
            continue
        before = first.setdefault(message.about, message)
        if before is message:
            continue
        pairs += 1
        if pairs % OVERTAKEN_EVERY == 0:
            behind.setdefault(message.control_id, []).append(before)
    return behind
