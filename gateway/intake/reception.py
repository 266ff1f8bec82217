"""From bytes to arrivals: split, judged by the envelope alone, sealed, with the answer made. Nothing is stored here and nothing sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from gateway.clock import Clock
from gateway.er7 import Message, NotHL7, units
from gateway.er7.envelope import Envelope, envelope
from gateway.er7.judgement import Fault, Verdict, judge
from gateway.er7.outline import outline, plain
from gateway.intake.arrival import STREAM, Arrival, Identity
from gateway.intake.reply import Reply
from gateway.intake.senders import Desk, PushSource
from gateway.journal import STRUCTURE, UNREADABLE
from gateway.keys import KeyRing

UNKNOWN_SOURCE: Final = "unknown-source"
OVERSIZE: Final = "oversize"
UNKNOWN: Final = "unknown"
# More than one header in the bytes: a batch, or messages one after another.
SEVERAL: Final = re.compile(rb"\A\s*(?:FHS|BHS)|[\r\n][ \t]{0,64}(?:\xef\xbb\xbf)?(?:MSH|BHS|BTS|FTS)")
KIND: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
# YYYYMMDD[HHMM[SS[.S[S[S[S]]]]]][+/-ZZZZ]
TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,6})\d*)?)?)?(?:([+-])(\d\d)(\d\d))?")
# Of YYYYMMDDHHMMSS, as nearly every sender writes it: read without looking for anything else.
USUAL_LENGTH: Final = 14
# What columns and indexes can hold; a message with another number is known by its hash.
NUMBER: Final = re.compile("[^\\0\ud800-\udfff]{1,199}")
KEY: Final = re.compile("[^\\0\ud800-\udfff]{1,512}")
STRANGER: Final = Fault(204, "MSH-3 and MSH-4 name no sender that is known here.", field=3)
REFUSED: Final = Verdict("AR", (STRANGER,))
CUT_OFF: Final = Fault(100, "The end of the message is missing.")
CUT: Final = Verdict("AR", (CUT_OFF,))
TOO_LARGE: Final = Verdict("AR", (Fault(207, "The message is larger than this listener takes."),))
# Of a message that is too large.
KEPT_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Receives for one listener, or for the one source that a token is bound to."""

    desk: Desk
    keys: KeyRing
    clock: Clock

    def frame(self, data: bytes) -> Sequence[Arrival]:
        """Return the messages in one MLLP frame: one, or those of a batch."""
        message = plain(data)
        if message is not None:
            return (self._judged(data, message),)
        return list(self.units(data)) if several(data) else (self.arrival(data),)

    def units(self, data: bytes) -> Iterator[Arrival]:
        """Yield the messages in a request or file, in order; bytes that are no message come as a refused one."""
        for unit in units(data):
            yield self.arrival(unit.data, complete=unit.complete)

    def arrival(self, data: bytes, *, complete: bool = True) -> Arrival:
        """Return one message as it will be kept and answered. Never raises: what can't be read is refused and kept."""
        try:
            return self._judged(data, outline(data), complete=complete)
        except NotHL7 as error:
            verdict = judge(None, reason=str(error)) if complete else CUT
            return self._arrival(data, None, self.desk.first, verdict, STRUCTURE)

    def _judged(self, data: bytes, message: Message, *, complete: bool = True) -> Arrival:
        head = envelope(message)
        source = self.desk.source_of(head.sender, head.facility)
        if source is None:
            return self._arrival(data, head, self.desk.first, REFUSED, UNKNOWN_SOURCE)
        verdict = judge(message, head) if complete else CUT
        return self._arrival(data, head, source, verdict, None if verdict.code == "AA" else STRUCTURE)

    def oversize(self, data: bytes) -> Arrival:
        """Return a message that is larger than the listener takes, as it is kept: its beginning, with the hash of all that was read.

        ``data`` is as much of it as a listener takes, so that the same message again is known by it.
        """
        head = data[:KEPT_BYTES]
        try:
            known = envelope(outline(head))
        except NotHL7:
            known = None
        source = None if known is None else self.desk.source_of(known.sender, known.facility)
        return self._arrival(head, known, source or self.desk.first, TOO_LARGE, OVERSIZE, self.keys.keyed_digest(data))

    def _arrival(
        self,
        data: bytes,
        head: Envelope | None,
        source: PushSource,
        verdict: Verdict,
        reason: str | None,
        digest: bytes | None = None,
    ) -> Arrival:
        digest = digest or self.keys.keyed_digest(data)
        identity, key = _identity(head, source, digest, refused=verdict.code == "AR")
        reply = Reply(head, self.clock)
        return Arrival(
            identity=identity,
            kind=_kind(head),
            record_key=key,
            body=self.keys.seal(data, "journal", f"{source.id}/{STREAM}/{key}", "body"),
            body_hash=digest,
            source_time=None if head is None else source_time(head.at, source.zone),
            reason=reason,
            code=reply.first_code(verdict.code),
            ack=reply.first(verdict.code, verdict.faults),
            reply=reply,
        )


def several(data: bytes) -> bool:
    """Tell whether there may be more than one message; nearly always one look for three words is enough."""
    return (data.count(b"MSH") != 1 or b"FHS" in data or b"BHS" in data) and SEVERAL.search(data) is not None


def _identity(head: Envelope | None, source: PushSource, digest: bytes, *, refused: bool) -> tuple[Identity, str]:
    """Return by what a message is known when it comes again, and its key in the journal.

    A refused one doesn't use up its number: when what was wrong is put right, at its end or ours, it may come again under it.
    """
    unnamed = f"{UNREADABLE}{digest.hex()[:24]}"
    if head is None or not NUMBER.fullmatch(head.control_id):
        return Identity(source=source.id, sender="", control_id=unnamed), unnamed
    sender = f"{head.sender}|{head.facility}"
    day = head.at[:8] if source.daily else ""
    key = f"{sender}|{head.control_id}|{day}" if day else f"{sender}|{head.control_id}"
    if not KEY.fullmatch(key):
        return Identity(source=source.id, sender="", control_id=unnamed), unnamed
    if refused:
        return Identity(source=source.id, sender="", control_id=unnamed), key
    return Identity(source=source.id, sender=sender, control_id=head.control_id, day=day), key


def _kind(head: Envelope | None) -> str:
    return head.message_type.lower() if head is not None and KIND.fullmatch(head.message_type) else UNKNOWN


def source_time(text: str, zone: tzinfo) -> datetime | None:
    """Return the moment of MSH-7 in UTC, read in the source's zone where it has no offset; ``None`` when it is no time.

    In the hour that comes twice in October the earlier one is taken.
    """
    if len(text) == USUAL_LENGTH and text.isascii() and text.isdigit():
        try:
            return datetime.fromisoformat(f"{text[:8]}T{text[8:]}").replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    found = TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    offset: tzinfo = zone
    try:
        if sign:
            ahead = timedelta(hours=int(hours), minutes=int(minutes))
            offset = timezone(-ahead if sign == "-" else ahead)
        micro = int((fraction or "0").ljust(6, "0"))
        local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro, offset)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
