"""The BSN of a client, for what has to know it: a question to another registry, and whether two records are about one person."""

from __future__ import annotations

from typing import Final

from gateway.database import Connection
from gateway.keys import KeyRing

BSN: Final = """
select secret.rkey, secret.version, secret.name, secret.envelope
from client
join resource patient on patient.org = client.org and patient.rtype = 'Patient' and patient.rid = client.patient_rid and not patient.deleted
join resource_secret secret on secret.rkey = patient.rkey and secret.version = patient.version and secret.name = 'bsn'
where client.id = %s"""


def bsn_of(db: Connection, keys: KeyRing, client: int) -> str | None:
    """Return the nine digits of a client's BSN; nothing when none is known."""
    row = db.execute(BSN, (client,)).fetchone()
    if row is None:
        return None
    return keys.unseal(bytes(row.envelope), "resource_secret", str(row.rkey), str(row.version), row.name).decode()
