"""Tasks: work that only people can do. One open task for one thing, however often it is found; it closes when the thing is settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.audit import AuditEvent, append
from gateway.clients import find_client, number_of
from gateway.database import Connection
from gateway.errors import NotFound
from gateway.runtime import Gateway

# A right that outlived the mandate it was given on, or (statutory) the mandate of the person itself.
FLAG_ENDED_MANDATES: Final = """
insert into task (org, kind, client_id, about, detail, opened_at)
select %(org)s, 'mandate-ended', orphan.client_id, 'grant ' || orphan.grant_id,
  jsonb_build_object('grant', orphan.grant_id, 'person', orphan.person, 'giver', orphan.giver, 'kind', orphan.kind), app_now()
from orphaned_grant orphan where %(client)s::bigint is null or orphan.client_id = %(client)s
on conflict do nothing"""
CLOSE_SETTLED: Final = """
update task set closed_at = app_now(), closed_by = 'clock'
where closed_at is null and kind = 'mandate-ended' and (%(client)s::bigint is null or client_id = %(client)s)
  and not exists (select from orphaned_grant orphan
    where orphan.client_id = task.client_id and orphan.grant_id = (task.detail ->> 'grant')::bigint)"""
# A birthday that somebody has to be ready for, told 30 days ahead.
ANNOUNCE_BIRTHDAYS: Final = """
insert into task (org, kind, client_id, about, detail, opened_at, due_at)
select %(org)s, 'age-review', client_id, years::text, jsonb_build_object('age', years, 'persons', to_jsonb(persons)), app_now(), at
from age_review where %(client)s::bigint is null or client_id = %(client)s
on conflict do nothing"""
CLOSE_REVIEWED: Final = """
update task set closed_at = app_now(), closed_by = 'clock'
where closed_at is null and kind = 'age-review' and (%(client)s::bigint is null or client_id = %(client)s)
  and not exists (select from age_review where age_review.client_id = task.client_id and years::text = task.about)"""
OPEN: Final = """
select task.id, task.kind, client.patient_rid, patient.body, portal.code as portal, person.code as person,
  task.about, task.detail, task.opened_at, task.due_at
from task left join client on client.id = task.client_id left join portal on portal.id = task.portal_id
left join link on link.id = task.link_id left join person on person.id = link.person_id
left join resource patient
  on patient.org = client.org and patient.rtype = 'Patient' and patient.rid = client.patient_rid and not patient.deleted
where task.closed_at is null and (%(client)s::bigint is null or task.client_id = %(client)s)
order by task.due_at nulls last, task.id"""
CLOSE: Final = """
update task set closed_at = app_now(), closed_by = %s where id = %s and closed_at is null returning kind, client_id, about"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One open task; ``client`` by the number at its source, ``person`` whose link it is about, ``detail`` holds numbers and codes."""

    id: int
    kind: str
    client: str | None
    portal: str | None
    person: str | None
    about: str
    detail: dict[str, Any]
    opened_at: datetime
    due_at: datetime | None


def flag_ended_mandates(db: Connection, org: int, client_id: int | None = None) -> int:
    """Open a task for each right whose mandate has ended, and close those that were settled; return how many were opened."""
    values = {"org": org, "client": client_id}
    db.execute(CLOSE_SETTLED, values)
    return db.execute(FLAG_ENDED_MANDATES, values).rowcount


def announce_birthdays(db: Connection, org: int, client_id: int | None = None) -> int:
    """Open a task for each birthday that changes who decides, and close those that were seen to; return how many were opened."""
    values = {"org": org, "client": client_id}
    db.execute(CLOSE_REVIEWED, values)
    return db.execute(ANNOUNCE_BIRTHDAYS, values).rowcount


def tasks(gateway: Gateway, org: int, client: str | int | None = None) -> list[Task]:
    """Return the open tasks, what is due first on top.

    Raises:
        NotFound: there is no such client.
    """
    ids = gateway.keys(org).ids()
    with gateway.database.transaction(org) as db:
        values = {"client": None if client is None else find_client(db, ids, client)}
        return [
            Task(
                id=row.id,
                kind=row.kind,
                client=row.patient_rid and number_of(db, ids, row.patient_rid, row.body),
                portal=row.portal,
                person=row.person,
                about=row.about,
                detail=row.detail,
                opened_at=row.opened_at,
                due_at=row.due_at,
            )
            for row in db.execute(OPEN, values).fetchall()
        ]


def close_task(gateway: Gateway, org: int, task: int, *, by: str = "operator") -> None:
    """Close a task that somebody dealt with.

    Raises:
        NotFound: no open task has this number.
    """
    with gateway.database.transaction(org) as db:
        row = db.execute(CLOSE, (by, task)).fetchone()
        if row is None:
            raise NotFound(f"no open task has number {task}; see: zorgsluis grant review")
        detail = {"task": task, "kind": row.kind, "about": row.about}
        append(
            db, gateway.keys(org), org, [AuditEvent(event="task", action="U", agent=by, client_id=row.client_id, detail=detail)]
        )
