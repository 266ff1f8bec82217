"""Ids that come out the same every time: no clock, no counter, and no BSN in them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IdSpace:
    """An organisation's secret namespace and hash key. Both are fixed for life: every id and every match hangs on them."""

    namespace: UUID
    hash_key: bytes

    def resource_id(self, system: str, type_: str, key: str) -> str:
        """Return the uuid5 of ``system|type|key`` as text: the id of a resource.

        Written out instead of ``uuid.uuid5``, which spends most of its time on building an object: this runs for every reference.
        """
        digest = bytearray(
            hashlib.sha1(self.namespace.bytes + f"{system}|{type_}|{key}".encode(), usedforsecurity=False).digest()
        )
        digest[6] = digest[6] & 0x0F | 0x50
        digest[8] = digest[8] & 0x3F | 0x80
        text = digest[:16].hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def keyed_hash(self, text: str) -> bytes:
        """Return the HMAC-SHA256 by which equal secrets are recognised without being readable."""
        return hmac.digest(self.hash_key, text.encode(), "sha256")
