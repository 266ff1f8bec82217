"""The keys of an organisation, and what they do: envelopes, keyed hashes, the secret namespace of ids.

Keys live in one file of mode 0600 outside the database. Envelopes name their key, so that the encryption key can be rotated; the
namespace and the hash key can't be: ids and matches hang on them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Misconfigured
from gateway.identity import IdSpace
from gateway.jsonbytes import dumps, loads

NONCE_BYTES = 12
KEY_ID_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """An organisation's keys. ``encryption`` maps a key id of 4 bytes to 32 bytes; ``current`` is the one that seals."""

    namespace: UUID
    hash_key: bytes
    audit_key: bytes
    encryption: dict[bytes, bytes]
    current: bytes

    def seal(self, plain: bytes, *context: str) -> bytes:
        """Encrypt with AES-256-GCM. ``context`` (table, row, column) binds the envelope to its place."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = _cipher(self.encryption[self.current]).encrypt(nonce, plain, _context(context))
        return self.current + nonce + sealed

    def unseal(self, envelope: bytes, *context: str) -> bytes:
        """Decrypt an envelope made by ``seal`` in the same context.

        Raises:
            Misconfigured: the key is not in the ring, or the envelope was moved or altered.
        """
        key_id, rest = envelope[:KEY_ID_BYTES], envelope[KEY_ID_BYTES:]
        key = self.encryption.get(key_id)
        if key is None:
            raise Misconfigured(f"{context[0]}: encryption key {key_id.hex()} is not in the key file")
        try:
            return _cipher(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _context(context))
        except InvalidTag:
            raise Misconfigured(f"{context[0]}: a stored envelope was altered, moved, or sealed with another key") from None

    def keyed_hash(self, text: str) -> bytes:
        """Return the HMAC-SHA256 by which equal secrets are recognised without being readable."""
        return self.keyed_digest(text.encode())

    def keyed_digest(self, data: bytes) -> bytes:
        """Return the same of bytes."""
        return hmac.digest(self.hash_key, data, "sha256")

    def ids(self) -> IdSpace:
        """Return the part of the ring that mapping needs."""
        return IdSpace(namespace=self.namespace, hash_key=self.hash_key)

    def fingerprints(self) -> dict[str, bytes]:
        """Return what the database keeps to recognise the keys that it was written with."""
        return {
            "namespace": hashlib.sha256(b"namespace" + self.namespace.bytes).digest()[:16],
            "hash": hmac.digest(self.hash_key, b"fingerprint", "sha256")[:16],
            "audit": hmac.digest(self.audit_key, b"fingerprint", "sha256")[:16],
        }


@lru_cache(maxsize=64)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _context(parts: tuple[str, ...]) -> bytes:
    return "\x1f".join(parts).encode()


def generate() -> KeyRing:
    """Make a new ring."""
    key_id = secrets.token_bytes(KEY_ID_BYTES)
    return KeyRing(
        namespace=uuid4(),
        hash_key=secrets.token_bytes(32),
        audit_key=secrets.token_bytes(32),
        encryption={key_id: secrets.token_bytes(32)},
        current=key_id,
    )


def load_or_create(path: Path) -> KeyRing:
    """Read the ring of one organisation, or make it on the first start.

    Raises:
        Misconfigured: the file is readable by others, or is not a key file.
    """
    if not path.exists():
        _write(path, generate())
    if path.stat().st_mode & 0o077:
        raise Misconfigured(f"{path.name}: the key file may be read by others; set its mode to 0600")
    try:
        return _read(loads(path.read_bytes()))
    except (KeyError, ValueError, TypeError):
        raise Misconfigured(f"{path.name}: not a key file of this gateway; restore it from its backup") from None


def _read(raw: dict[str, Any]) -> KeyRing:
    return KeyRing(
        namespace=UUID(raw["namespace"]),
        hash_key=bytes.fromhex(raw["hash"]),
        audit_key=bytes.fromhex(raw["audit"]),
        encryption={bytes.fromhex(key): bytes.fromhex(value) for key, value in raw["encryption"].items()},
        current=bytes.fromhex(raw["current"]),
    )


def _write(path: Path, ring: KeyRing) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    raw = {
        "namespace": str(ring.namespace),
        "hash": ring.hash_key.hex(),
        "audit": ring.audit_key.hex(),
        "encryption": {key.hex(): value.hex() for key, value in ring.encryption.items()},
        "current": ring.current.hex(),
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(dumps(raw))
        file.flush()
        os.fsync(file.fileno())
