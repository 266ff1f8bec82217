"""What MSH says about a message, without looking further."""

from __future__ import annotations

from typing import NamedTuple

from gateway.er7.message import Message
from gateway.er7.structures import STRUCTURES


class Envelope(NamedTuple):
    """MSH as raw text, empty where the sender left a field out.

    ``sender``, ``facility``, ``receiver`` and ``receiver_facility`` (MSH-3 to 6) are whole fields with their components. ``structure``
    follows from the event, whatever MSH-9.3 claims; only for an event not known here it is MSH-9.3. ``at`` is MSH-7, ``encoding`` the
    Python codec that the message was read with.
    """

    message_type: str
    trigger: str
    structure: str
    control_id: str
    sender: str
    facility: str
    receiver: str
    receiver_facility: str
    at: str
    version: str
    charset: str
    processing_id: str
    accept_ack: str
    application_ack: str
    encoding: str


def envelope(message: Message) -> Envelope:
    """Return what MSH says. A field with ``""`` counts as empty."""
    header = message.segments[0]
    if len(header) < 19 or '""' in header:
        header = ["" if value == '""' else value for value in header] + [""] * (19 - len(header))
    kind, _, rest = header[9].partition("~")[0].partition("^")
    trigger, _, rest = rest.partition("^")
    structure = STRUCTURES.get((kind, trigger)) or rest.partition("^")[0]
    return Envelope(
        kind, trigger, structure, header[10], header[3], header[4], header[5], header[6], header[7],
        header[12].partition("^")[0], header[18], header[11], header[15], header[16], message.charset_used,
    )  # fmt: skip
