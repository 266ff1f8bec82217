"""A message as far as its acknowledgement looks: MSH with its fields, of all other segments the names."""

from __future__ import annotations

import re
from typing import Final

from gateway.er7.charset import UTF8, decode
from gateway.er7.layout import STANDARD
from gateway.er7.message import LARGE, PLAIN, USUAL, Message, parse

# What a line of a plain message begins with: a name and the separator, or the name alone; none that begins or ends anything else.
USUAL_STARTS: Final = frozenset(f"{name}|" for name in USUAL)
START: Final = re.compile(r"(?!MSH|[FB]HS|[FB]TS)[A-Z][A-Z0-9]{2}\|?")


def outline(data: bytes) -> Message:
    """Return the message with its first segment split and of each other segment the name, as ``parse`` gives them.

    Raises:
        NotHL7: there is no readable MSH segment.
    """
    return plain(data) or parse(data)


def plain(data: bytes) -> Message | None:
    """Return the outline of one message without surprises; ``None`` when there may be one, also that of a second message."""
    decoded = None if data.isascii() else decode(data)
    text = data.decode("ascii") if decoded is None else decoded.text
    if not text.startswith(PLAIN) or len(text) > LARGE or "\n" in text or "\0" in text or "\x1c" in text:
        return None
    first, *rest = [line for line in text.split("\r") if line]
    if not all(map(START.fullmatch, {line[:4] for line in rest} - USUAL_STARTS)):
        return None
    header = first.split(STANDARD.field)
    header.insert(1, STANDARD.field)
    declared = header[18] if len(header) > 18 else None
    notes, encoding = ((), UTF8) if decoded is None else (decoded.notes, decoded.encoding)
    return Message([header, *[[line[:3]] for line in rest]], notes, declared or None, encoding)
