"""One MLLP connection: frames in, acknowledgements out in the order of the messages, no reading while too much waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import structlog

from api.mllp.framing import Frame, Framer, Oversize
from gateway.config import MllpListenerConfig
from gateway.intake.arrival import Answer, Arrival
from gateway.intake.outcomes import Outcomes
from gateway.intake.reception import Reception
from gateway.intake.reply import Reply
from gateway.intake.writer import Writer

# Messages of one connection that wait for their answer; a sender may send ahead this far.
MOST_AHEAD: Final = 256
# What mapping can make of a message.
SECOND: Final = ("AA", "AE", "AR")
# Split on a thread above this many bytes.
LARGE: Final = 256 * 1024
LEAST_WAIT_S: Final = 0.05
# A sender that leaves out the last CR has its answer when nothing more came for this long.
LAST_BYTE_S: Final = 0.05

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the connections of one listener share. ``open_`` holds those that are open."""

    config: MllpListenerConfig
    reception: Reception
    writer: Writer
    outcomes: Outcomes
    admits: Callable[[str], bool]
    open_: set[Connection]


class Connection(asyncio.Protocol):
    """The state of one connection. The loop calls it; nothing here waits."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._framer = Framer(line.config.max_bytes)
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._frames: deque[Frame | Oversize] = deque()
        self._waiting = 0
        self._splitting = False
        self._paused = False
        self._blocked = False
        self._ending = False

    # What the loop tells ------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless the peer isn't allowed or there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        peer: Any = transport.get_extra_info("peername")
        refused = None
        if not self._line.admits(peer[0]):
            refused = "peer"
        elif len(self._line.open_) >= self._line.config.max_connections:
            refused = "too-many"
        if refused:
            log.warning("mllp.refused", listener=self._line.config.code, reason=refused)
            self._transport.abort()
            self._transport = None
            return
        self._line.open_.add(self)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; each frame in them is handed in."""
        self._last = self._loop.time()
        self._frames += self._framer.feed(data)
        if self._framer.may_have_ended:
            self._loop.call_later(LAST_BYTE_S, self._nothing_follows)
        self._take()

    def eof_received(self) -> bool:
        """Send what is still to be answered, then close."""
        self._nothing_follows()
        self._end()
        over_tls = self._transport is not None and self._transport.get_extra_info("sslcontext") is not None
        return self._unanswered and not over_tls

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection. What was handed in is stored all the same; the sender will ask again and get the same answer."""
        self._note_incomplete()
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self._line.open_.discard(self)
        self._line.outcomes.forget(self)

    def pause_writing(self) -> None:
        """Read no more from a peer that doesn't read."""
        self._blocked = True
        self._ease()

    def resume_writing(self) -> None:
        """Go on."""
        self._blocked = False
        self._ease()

    def _nothing_follows(self) -> None:
        """Take a message whose last byte may have been its end."""
        self._frames += self._framer.flush()
        self._take()

    # Messages ----------------------------------------------------------------------------------------------------------------

    def _take(self) -> None:
        """Hand in what has come, in its order. A large one is split on a thread, so that the other connections don't wait for it."""
        while self._frames and not self._splitting:
            item = self._frames.popleft()
            if isinstance(item, Oversize):
                self._refuse(item)
                return
            if item.skipped:
                log.warning("mllp.skipped", listener=self._line.config.code, bytes=item.skipped)
            if len(item.data) > LARGE:
                self._splitting = True
                splitting = self._loop.run_in_executor(None, self._line.reception.frame, item.data)
                splitting.add_done_callback(self._split)
            else:
                self._hand_in(self._line.reception.frame(item.data))
        self._ease()

    def _split(self, splitting: asyncio.Future[Sequence[Arrival]]) -> None:
        self._splitting = False
        if splitting.cancelled():
            return
        self._hand_in(splitting.result())
        self._take()

    def _hand_in(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            self._waiting += 1
            self._line.writer.hand_in(arrival, partial(self._told, arrival))

    # Answers ------------------------------------------------------------------------------------------------------------------

    def _told(self, arrival: Arrival, answer: Answer | None) -> None:
        """Answer one message: it is stored, or couldn't be."""
        self._waiting -= 1
        reply = arrival.reply
        if answer is None:
            self._not_stored(reply)
        elif not reply.enhanced:
            self._send(answer.ack)
        else:
            self._answer_as_asked(reply, answer)
        if self._paused:
            self._ease()
        if self._ending:
            self._close_when_done()

    def _answer_as_asked(self, reply: Reply, answer: Answer) -> None:
        """Answer in enhanced mode: now, after mapping, both or not at all."""
        if reply.wants_first(answer.code):
            self._send(answer.ack)
        if answer.code == "CA" and any(map(reply.wants_second, SECOND)):
            self._line.outcomes.ask(self, answer.journal_id, partial(self._mapped, reply))

    def _not_stored(self, reply: Reply) -> None:
        """Say that it must come again; to a sender that wants no answer only the end of the connection says so."""
        if reply.wants_first("AE" if reply.enhanced else "AR"):
            self._send(reply.not_stored())
        else:
            self._end()

    def _mapped(self, reply: Reply, code: str) -> None:
        """Say in enhanced mode what mapping made of it."""
        if self._transport is not None and reply.wants_second(code):
            self._send(reply.second(code))

    def _send(self, message: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"\x0b" + message + b"\x1c\r")

    def _refuse(self, item: Oversize) -> None:
        """Keep the beginning of a message that is too large, refuse it in its turn, and close: the rest of it isn't read."""
        log.warning("mllp.oversize", listener=self._line.config.code, limit=self._line.config.max_bytes)
        self._hand_in((self._line.reception.oversize(item.data),))
        self._end()

    # Flow and end -------------------------------------------------------------------------------------------------------------

    def _ease(self) -> None:
        """Read while there is room: here, in the writer's queue, and in what the peer has not read."""
        if self._transport is None or self._transport.is_closing():
            return
        stop = self._ending or self._blocked or self._splitting or self._waiting >= MOST_AHEAD or self._line.writer.full
        if stop != self._paused:
            self._paused = stop
            (self._transport.pause_reading if stop else self._transport.resume_reading)()
        if self._line.writer.full:
            self._line.writer.when_room(self._ease)

    @property
    def _unanswered(self) -> bool:
        return bool(self._waiting or self._splitting or self._frames)

    def _end(self) -> None:
        """Take nothing more; close once everything is answered."""
        self._ending = True
        self._ease()
        self._close_when_done()

    def stop(self) -> None:
        """End from outside: the process is to stop."""
        self._end()

    def _close_when_done(self) -> None:
        if not self._ending or self._unanswered or self._transport is None:
            return
        self._transport.close()

    def _watch(self) -> None:
        """Close a connection that has been silent too long, sooner within a message: its sender is gone."""
        config = self._line.config
        bound = config.stall_s if self._framer.pending else config.idle_s
        left = self._last + bound - self._loop.time()
        if left > 0 or self._unanswered or self._paused:
            # A message may begin meanwhile, and has less time.
            self._timer = self._loop.call_later(min(max(left, LEAST_WAIT_S), config.stall_s), self._watch)
        else:
            log.info("mllp.idle", listener=config.code, within_message=bool(self._framer.pending))
            self._end()

    def _note_incomplete(self) -> None:
        if self._framer.pending:
            log.warning("mllp.incomplete", listener=self._line.config.code, bytes=self._framer.pending)
