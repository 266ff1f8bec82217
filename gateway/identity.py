"""Ids that come out the same every time: no clock, no counter, and no BSN in them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

# RFC 4122: the first two bits of the eighth byte are 1 and 0.
VARIANT: Final = {digit: "89ab"[number % 4] for number, digit in enumerate("0123456789abcdef")}
# What a uuid shows of a digest: all but the digit that its version takes the place of.
PIECES: Final = itemgetter(slice(8), slice(8, 12), slice(13, 16), 16, slice(17, 20), slice(20, 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class IdSpace:
    """An organisation's secret namespace and hash key. Both are fixed for life: every id and every match hangs on them.

    ``begun`` keeps the hash over what all ids of a system and type begin with.
    """

    namespace: UUID
    hash_key: bytes
    begun: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def resource_id(self, system: str, type_: str, key: str) -> str:
        """Return the uuid5 of ``system|type|key`` as text: the id of a resource.

        Written out instead of ``uuid.uuid5``, which spends most of its time on building an object: this runs for every reference.
        """
        known = self.begun.get((system, type_))
        if known is None:
            start = self.namespace.bytes + f"{system}|{type_}|".encode()
            known = self.begun[system, type_] = hashlib.sha1(start, usedforsecurity=False)
        digest = known.copy()
        digest.update(key.encode())
        first, second, third, variant, fourth, last = PIECES(digest.hexdigest())
        return f"{first}-{second}-5{third}-{VARIANT[variant]}{fourth}-{last}"

    def keyed_hash(self, text: str) -> bytes:
        """Return the HMAC-SHA256 by which equal secrets are recognised without being readable."""
        return hmac.digest(self.hash_key, text.encode(), "sha256")
