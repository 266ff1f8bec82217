"""The answers to one message: which code, whether the sender wants it, and the bytes. Made before the commit, sent after it.

Original mode: one answer, AA, AE or AR, after the commit. Enhanced mode (MSH-15 or MSH-16 is filled): CA, CE or CR after the commit, and
AA, AE or AR after mapping, each only as MSH-15 and MSH-16 ask.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.clock import Clock
from gateway.er7.acknowledgement import accept_code, acknowledge, application_code
from gateway.er7.envelope import Envelope
from gateway.er7.judgement import Fault

REUSED: Final = Fault(205, "MSH-10 was used before, for a message with other content.", field=10)
NOT_STORED: Final = Fault(207, "Nothing can be stored at the moment; send the message again later.")
_numbers = itertools.count(1)
_process = secrets.token_hex(4).upper()


def number() -> str:
    """Return a control id for a message of ours, at most 20 characters, never the same again."""
    return f"ZS{_process}{next(_numbers):X}"


class Reply(NamedTuple):
    """Makes the answers to one message; ``envelope`` is ``None`` when there was no readable MSH."""

    envelope: Envelope | None
    clock: Clock

    @property
    def enhanced(self) -> bool:
        """Whether the sender knows two answers."""
        return self.envelope is not None and bool(self.envelope.accept_ack or self.envelope.application_ack)

    def first_code(self, code: str) -> str:
        """Return the code of the answer after the commit, in the sender's mode, wanted or not."""
        return f"C{code[1]}" if self.enhanced else code

    def first(self, code: str, faults: Sequence[Fault] = ()) -> bytes:
        """Return the answer after the commit."""
        return self._made(self.first_code(code), faults)

    def reused(self) -> bytes:
        """Return the refusal of other bytes under a number that was used."""
        return self.first("AE", (REUSED,))

    def not_stored(self) -> bytes:
        """Return the answer when nothing can be stored: the sender is to try again."""
        return self._made("CE" if self.enhanced else "AR", (NOT_STORED,))

    def second(self, code: str) -> bytes:
        """Return the answer after mapping."""
        return self._made(code, ())

    def wants_first(self, code: str) -> bool:
        """Tell whether the sender wants the answer after the commit; ``code`` is that of either mode."""
        return accept_code(self.envelope, f"A{code[1]}") is not None

    def wants_second(self, code: str) -> bool:
        """Tell whether the sender wants the answer after mapping."""
        return self.enhanced and application_code(self.envelope, code) is not None

    def _made(self, code: str, faults: Sequence[Fault]) -> bytes:
        return acknowledge(self.envelope, code, faults, control_id=number(), at=self.clock())
