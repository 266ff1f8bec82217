"""One message that was pushed to us, judged and sealed: all that a row needs, and the answer it will get."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, NamedTuple

from gateway.intake.reply import Reply

# The stream of everything pushed as HL7 v2, in the journal and in the first ledger.
STREAM: Final = "hl7v2"

Fate = Literal["new", "duplicate", "conflict"]


class Identity(NamedTuple):
    """By which a message is known when it comes again: the sender's own number, or a keyed hash of the bytes.

    ``day`` is set where the sender starts its numbers anew each day; ``variant`` marks other bytes under a number that was used.
    """

    source: int
    sender: str
    control_id: str
    day: str = ""
    variant: str = ""


class Arrival(NamedTuple):
    """A judged message. ``body`` is sealed, ``body_hash`` keyed; ``ack`` is the answer with ``code``, sent only after the commit.

    ``reason`` is why it is quarantined, ``None`` when it waits to be mapped. ``reply`` makes the other answers that may be needed.
    """

    identity: Identity
    kind: str
    record_key: str
    body: bytes
    body_hash: bytes
    source_time: datetime | None
    reason: str | None
    code: str
    ack: bytes
    reply: Reply


class Answer(NamedTuple):
    """What became of an arrival that is stored now: the bytes to send back and its number in the journal."""

    fate: Fate
    code: str
    ack: bytes
    journal_id: int
