"""What a source says of a client's death: it stops sharing as a stop for death does, once, and starts it again when the source takes it back.

The care organisation has the last word: who restarts by hand isn't stopped again by the same Patient, and what was stopped by hand isn't
restarted by a source. A death that comes in while sharing is stopped for something else waits, untaken: when that stop ends, it is heeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.audit import AuditEvent
from gateway.database import Connection

SOURCE: Final = "source"
STOP: Final = """
update client set deceased = true, stop_reason = 'death', stopped_at = app_now(), stopped_by = %(by)s,
  frozen = (select freeze_on_death from organisation where organisation.id = client.org)
where id = %(client)s and stop_reason is null returning frozen"""
RESTART: Final = """
update client set deceased = false, stop_reason = null, stopped_at = null, stopped_by = null, frozen = false
where id = %(client)s and stopped_by = %(by)s returning id"""
# What the source said and was taken to heart. Of a death during a stop for something else nobody has said yet that it is known.
NOTE: Final = """
update client set deceased = %(deceased)s
where id = %(client)s and (not %(deceased)s or stop_reason = 'death') returning id"""
# Told once a stop, however often the Patient comes in.
UNTOLD: Final = """
select stop_reason from client where id = %(client)s and not exists (
  select from audit_event where client_id = %(client)s and event = 'death' and at >= stopped_at)"""
EPOCHS: Final = "update link set epoch = epoch + 1 where client_id = %(client)s"


def is_deceased(patient: Mapping[str, Any]) -> bool:
    """Tell whether a Patient says that its person died: on some day, or just so."""
    return patient.get("deceasedBoolean") is True or bool(patient.get("deceasedDateTime"))


def heed(db: Connection, client_id: int, *, deceased: bool, patient: str, version: int) -> AuditEvent | None:
    """Let what the stored Patient says now take effect; return what the trail is told: sharing stops or starts again by it, or a death waits.

    The caller holds the client's lock, sees that the Patient says something else than before, and discloses the client.
    """
    values = {"client": client_id, "by": SOURCE, "deceased": deceased}
    row = db.execute(STOP if deceased else RESTART, values).fetchone()
    says = {"resource": f"Patient/{patient}", "version": version}
    if row is None:
        return None if db.execute(NOTE, values).fetchone() else _waiting(db, client_id, says)
    db.execute(EPOCHS, values)
    what = {"stop": "death", "freeze": row.frozen} if deceased else {"stop": None}
    return AuditEvent(event="client", action="U", agent="gateway", client_id=client_id, detail={**what, **says})


def _waiting(db: Connection, client_id: int, says: Mapping[str, Any]) -> AuditEvent | None:
    row = db.execute(UNTOLD, {"client": client_id}).fetchone()
    if row is None:
        return None
    return AuditEvent(event="death", action="E", agent="gateway", client_id=client_id, detail={"during": row.stop_reason, **says})
