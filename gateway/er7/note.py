"""What the splitter says: a note beside a message that it could read, an exception where there is none."""

from __future__ import annotations

from typing import Literal, NamedTuple


class NotHL7(ValueError):
    """The bytes hold no readable MSH segment. The text says what is missing and never quotes content."""


class Note(NamedTuple):
    """Something that had to be put right to read a message. ``segment`` counts from 0; ``None`` is the whole message.

    ``reason`` is a sentence for people and holds no content of the message.
    """

    code: Literal["charset", "structure"]
    segment: int | None
    reason: str
