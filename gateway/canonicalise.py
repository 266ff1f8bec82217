"""One form for equal content, and its hash: what "changed" and "already there" mean.

The hash leaves out what every write changes (``meta.versionId``, ``meta.lastUpdated``) and where it came from (``meta.source``), sorts the
keys and keeps decimals as they were written: ``72.50`` is other content than ``72.5``.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from gateway.jsonbytes import canonical

VOLATILE: Final = frozenset({"versionId", "lastUpdated", "source"})


def canonical_form(resource: dict[str, Any]) -> bytes:
    """Return the bytes that equal content has in common."""
    rest = {key: value for key, value in resource.items() if key != "meta"}
    meta = {key: value for key, value in resource.get("meta", {}).items() if key not in VOLATILE}
    if meta:
        rest["meta"] = meta
    return canonical(rest)


def content_hash(resource: dict[str, Any], bsn_hash: bytes = b"") -> bytes:
    """Return 32 bytes (SHA-256) over the canonical form and the keyed hash of the BSN that was taken out of it.

    Without ``bsn_hash`` it is the hash of what a portal holds: the ledger and every read-back compare by it.
    """
    return hashlib.sha256(canonical_form(resource) + bsn_hash).digest()
