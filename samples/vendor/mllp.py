"""The sender's side of MLLP: one message at a time, the next only after the answer, and the same again when none came."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from samples.vendor.world import Message

START, END = b"\x0b", b"\x1c\r"
MOST_ANSWER = 64 * 1024
ACCEPTED = frozenset({"AA", "CA"})
#: Told that nothing could be stored (table 0357), a sender comes again with the same message.
COME_AGAIN = "207"


class UnansweredError(Exception):
    """No answer came, however often it was asked."""


@dataclass(slots=True, kw_only=True)
class Line:
    """A line to one listener. It is opened when needed, and anew when it breaks."""

    host: str
    port: int
    timeout_s: float = 10.0
    attempts: int = 8
    pause_s: float = 0.2
    resent: int = 0
    _socket: socket.socket | None = field(default=None, init=False)

    def send(self, message: Message) -> str:
        """Send until it is answered and return the code (MSA-1).

        Raises:
            UnansweredError: every attempt ended without an answer.
        """
        for attempt in range(self.attempts):
            try:
                code, again = self._exchange(message)
            except OSError:
                self.close()
                again, code = True, ""
            if not again:
                return code
            self.resent += 1
            time.sleep(self.pause_s * 2**attempt)
        raise UnansweredError(f"{message.control_id}: no answer after {self.attempts} attempts")

    def _exchange(self, message: Message) -> tuple[str, bool]:
        """Return the code of the answer, and whether the message must go again."""
        line = self._open()
        line.sendall(START + message.data + END)
        while True:
            segments = {one[:3]: one.split("|") for one in self._answer(line).split("\r")}
            code, about = [*segments.get("MSA", ()), "", "", ""][1:3]
            # An answer to an earlier message, that came after we had given up on it, says nothing of this one.
            if about == message.control_id or not about:
                return code, code not in ACCEPTED and COME_AGAIN in "|".join(segments.get("ERR", []))

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((self.host, self.port), timeout=self.timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _answer(self, line: socket.socket) -> str:
        found = b""
        while not found.endswith(END):
            read = line.recv(4096)
            if not read or len(found) > MOST_ANSWER:
                raise ConnectionResetError("the line was closed before the answer was whole")
            found += read
        return found.removesuffix(END).rpartition(START)[2].decode("utf-8", "replace")

    def close(self) -> None:
        """Close the line; the next message opens it anew."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def push(line: Line, messages: Iterable[Message], pause_s: float = 0.0) -> Counter[str]:
    """Send messages in order, and return how many were answered with which code, and how often one had to go again."""
    told: Counter[str] = Counter()
    try:
        for message in messages:
            told[line.send(message)] += 1
            if pause_s:
                time.sleep(pause_s)
    finally:
        line.close()
    told["resent"] = line.resent
    return told
