"""The journal as operators look through it: what came from whom, and what became of it. Numbers and codes; nothing that was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit import looked_up
from gateway.errors import NotFound
from gateway.runtime import Gateway

FACTS: Final = """
journal.id, source.code as source, journal.stream, journal.kind, journal.record_key as key, journal.op, journal.source_time,
  journal.received_at, journal.state, journal.reason, left(encode(journal.body_hash, 'hex'), 16) as hash,
  left(encode(journal.mapping_sha, 'hex'), 12) as version, journal.mapped_at, journal.replaces"""
LIST: Final = f"""
select {FACTS} from journal join source on source.id = journal.source_id
where (%(source)s::text is null or source.code = %(source)s) and (%(kind)s::text is null or journal.kind = %(kind)s)
  and (%(state)s::text is null or journal.state = %(state)s)
  and (%(control_id)s::text is null or journal.record_key = %(control_id)s
    or journal.id in (select journal_id from inbound_message where control_id = %(control_id)s))
order by journal.id desc limit %(limit)s"""
ONE: Final = f"""
select {FACTS}, (select count(*) from mapping_issue where journal_id = journal.id)::int as issues,
  (select other.id from journal other where other.replaces = journal.id) as replaced_by,
  array(select distinct resource.rtype || '/' || resource.rid from origin join resource using (rkey)
    where origin.system = source.system and origin.stream = journal.stream and origin.record_key = journal.record_key
    order by 1) as resources
from journal join source on source.id = journal.source_id where journal.id = %s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One journalled message. ``key`` names the record at its source (of HL7 v2: sender and control id); ``version`` the maps used."""

    id: int
    source: str
    stream: str
    kind: str
    key: str
    op: str
    source_time: datetime | None
    received_at: datetime
    state: str
    reason: str | None
    hash: str
    version: str | None
    mapped_at: datetime | None
    replaces: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShown(Message):
    """One message, with what its record yields now."""

    issues: int
    replaced_by: int | None
    resources: list[str]


def messages(
    gateway: Gateway,
    org: int,
    *,
    source: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    control_id: str | None = None,
    limit: int = 100,
    by: str = "operator",
) -> list[Message]:
    """Return the newest journalled messages for which all of this holds. That somebody asked is in the trail."""
    asked = {"source": source, "kind": kind, "state": state, "control_id": control_id, "limit": limit}
    with gateway.database.transaction(org) as db:
        looked_up(db, gateway.keys(org), org, "messages", by, asked)
        return [Message(**row._asdict()) for row in db.execute(LIST, asked)]


def message(gateway: Gateway, org: int, journal_id: int, *, by: str = "operator") -> MessageShown:
    """Return one message. That somebody looked is in the trail.

    Raises:
        NotFound: there is none of this number.
    """
    with gateway.database.transaction(org) as db:
        row = db.execute(ONE, (journal_id,)).fetchone()
        looked_up(db, gateway.keys(org), org, "message", by, {"message": journal_id})
    if row is None:
        raise NotFound(f"there is no message {journal_id}")
    return MessageShown(**row._asdict())
