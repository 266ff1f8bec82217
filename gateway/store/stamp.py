"""The final bytes of a resource, and the hashes by which it is compared ever after."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final

from gateway.canonical import AUDIENCE, CONFIDENTIALITY, record_uri
from gateway.canonicalise import canonical_form
from gateway.disclosure.classes import OWN_SYSTEM
from gateway.disclosure.decide import ClassRule
from gateway.disclosure.projections import names_for, project, references_in
from gateway.jsonbytes import dumps
from gateway.model import Mapped
from gateway.store.characters import allowed, may_be_forbidden
from gateway.store.records import RecordKey, Stamped

NEVER_LEAVES: Final = frozenset({"confidential", "hidden", "third-party", "V"})
OWN_NAME: Final = "zorgsluis"


def labelled(mapped: Mapped, body: dict[str, Any], rule: ClassRule | None) -> dict[str, Any]:
    """Return the resource without version, time and source: what its hashes are over. ``meta`` has the profile and the labels."""
    given = body.get("meta", {})
    meta = {"profile": given["profile"]} if given.get("profile") else {}
    meta["security"] = _security(mapped, rule)
    return {**body, "meta": meta}


def stored_hash(resource: dict[str, Any], bsn_hash: bytes) -> tuple[bytes, bytes]:
    """Return (hash of the whole as a portal holds it, hash by which the store tells change: with the BSN's keyed hash)."""
    return _hashes(resource, canonical_form(resource), bsn_hash)


def storable(resource: dict[str, Any], bsn_hash: bytes) -> tuple[dict[str, Any], tuple[bytes, bytes]]:
    """Return a labelled resource as it may be stored, with its hashes."""
    form = canonical_form(resource)
    if may_be_forbidden(form):
        resource = allowed(resource)
        form = canonical_form(resource)
    return resource, _hashes(resource, form, bsn_hash)


def stamp(resource: dict[str, Any], hashes: tuple[bytes, bytes], version: int, at: datetime, record: RecordKey) -> Stamped:
    """Make the final bytes of a labelled resource."""
    whole, stored = hashes
    projections, references = {"whole": whole}, {("whole", *found) for found in references_in(project("whole", resource))}
    for name in names_for(resource["resourceType"])[1:]:
        shape = project(name, resource)
        projections[name] = hashlib.sha256(canonical_form(shape)).digest()
        references.update((name, *found) for found in references_in(shape))
    return Stamped(
        body=_final(resource, version, at, record), hash=stored, projections=projections, references=frozenset(references)
    )


def instant(at: datetime) -> str:
    """Write a FHIR instant with milliseconds, in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _hashes(resource: dict[str, Any], form: bytes, bsn_hash: bytes) -> tuple[bytes, bytes]:
    whole = project("whole", resource)
    delivered = form if whole is resource else canonical_form(whole)
    return hashlib.sha256(delivered).digest(), hashlib.sha256(form + bsn_hash).digest()


def _final(resource: dict[str, Any], version: int, at: datetime, record: RecordKey) -> bytes:
    system, stream, key = record
    meta = {
        "versionId": str(version),
        "lastUpdated": instant(at),
        "source": record_uri(OWN_NAME if system == OWN_SYSTEM else system, stream, key),
        **resource["meta"],
    }
    first = {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta}
    return dumps(first | {name: value for name, value in resource.items() if name not in first})


def _security(mapped: Mapped, rule: ClassRule | None) -> list[dict[str, str]]:
    """Return confidentiality and audience; what no class is known of counts as restricted, and is shown to nobody anyway."""
    label = "V" if mapped.labels & NEVER_LEAVES else (rule.label if rule and rule.label else "R")
    audience = mapped.audience or (rule.audience if rule else None)
    codes = [{"system": CONFIDENTIALITY, "code": label}]
    return codes + ([{"system": AUDIENCE, "code": audience}] if audience else [])
