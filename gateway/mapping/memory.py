"""What texts of a source were found to mean, kept from one record to the next.

Messages name the same professionals, places and codes all day. What a converter makes of such a text hangs on nothing but the text, the
row, the record system with its ids, and how the sender calls itself; so it is worked out once. Converters say themselves whether that
holds for them (``remembered``), and none does whose text is about a client.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.identity import IdSpace
from gateway.mapping.convert import ConvertContext, RowFacts

# Bounds for whoever makes texts or senders up: what is over them is worked out again.
LONGEST: Final = 160
MOST_TEXTS: Final = 4096
MOST_TOGETHER: Final = 16
MOST_SOURCES: Final = 32

Source = tuple[str, int, bytes, tuple[str, ...]]


class Memory:
    """What is known of the texts of one source. ``slots`` has a dict for each row that remembers, by the text as it was sent.

    For a row that asks for nothing but the system and its ids, it has the context that serves all its values.
    """

    __slots__ = ("room", "slots")

    def __init__(self, slots: list[Any]) -> None:
        self.slots = slots
        self.room = MOST_TEXTS

    def keep(self, known: dict[str, Any], text: str, meaning: Any) -> None:
        """Keep what a text means. A text without a code or number in front is what somebody wrote, and isn't kept."""
        if len(text) > LONGEST or text[0] == "^":
            return
        if self.room <= 0:
            self.forget()
        self.room -= 1
        known[text] = meaning

    def keep_all(self, known: dict[Any, Any], texts: tuple[str, ...], meaning: Any) -> None:
        """Keep what texts mean that come together, each of which is known by itself."""
        if len(texts) <= MOST_TOGETHER:
            if self.room <= 0:
                self.forget()
            self.room -= 1
            known[texts] = meaning

    def forget(self) -> None:
        """Begin anew."""
        for slot in self.slots:
            if type(slot) is dict:
                slot.clear()
        self.room = MOST_TEXTS


NO_MEMORY: Final = Memory([])


class Memories:
    """The memories of a set of maps, one for each source: two that differ in anything that a meaning may hang on never share one.

    ``rows`` has ``None`` for each slot that remembers, and what is fixed for a row that has one context for a source.
    """

    def __init__(self, rows: Sequence[RowFacts | None]) -> None:
        self.rows = rows
        self.known: dict[Source, Memory] = {}

    def of(self, system: str, ids: IdSpace, sender: tuple[str, ...]) -> Memory:
        """Return the memory for the records of a system with these ids, from a sender that calls itself so."""
        key = (system, ids.namespace.int, ids.hash_key, sender)
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= MOST_SOURCES:
                self.known.pop(next(iter(self.known)), None)
            found = self.known[key] = Memory([_slot(row, system, ids) for row in self.rows])
        return found


def _slot(row: RowFacts | None, system: str, ids: IdSpace) -> Any:
    return {} if row is None else ConvertContext(row, ids, system, None, None, None)
