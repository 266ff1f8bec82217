"""The age and mandate clock: what time alone changes about who decides, told to people before it happens and when it has.

What it takes away needs no clock: the view judges ages and mandates at every look, and each client's next moment is indexed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.clients import find_client, number_of
from gateway.consent.tasks import Task, announce_birthdays, flag_ended_mandates, tasks
from gateway.consent.tries import forget_tries
from gateway.runtime import Gateway

AHEAD: Final = timedelta(days=30)
# Mandates and rights that end by themselves within the month.
ENDING: Final = """
select ending.what, client.patient_rid, patient.body, person.code as person, ending.about, ending.at
from (
  select 'mandate-ends' as what, client_id, person_id, kind as about, valid_to as at from representation
  where superseded_at is null and valid_to > app_now() and valid_to <= app_now() + %(ahead)s
  union all
  select 'right-ends', client_id, person_id, level, valid_to from trust_grant
  where superseded_at is null and valid_to > app_now() and valid_to <= app_now() + %(ahead)s
    and level <> 'none' and status in ('active', 'suspended')) ending
join client on client.id = ending.client_id join person on person.id = ending.person_id
left join resource patient
  on patient.org = client.org and patient.rtype = 'Patient' and patient.rid = client.patient_rid and not patient.deleted
where %(client)s::bigint is null or ending.client_id = %(client)s order by ending.at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Something for people to look at: an open task (with its number), or an end that comes by itself.

    ``items``: how many the portal holds that are to be taken back.
    """

    what: str
    client: str | None
    about: str
    persons: tuple[str, ...]
    due_at: datetime | None
    task: int | None = None
    portal: str | None = None
    items: int | None = None


def turn_clock(gateway: Gateway, org: int) -> int:
    """Open and close the tasks that time brings; return how many were opened. Doing it again opens nothing."""
    with gateway.database.transaction(org) as db:
        forget_tries(db)
        return flag_ended_mandates(db, org) + announce_birthdays(db, org)


def review(gateway: Gateway, org: int, client: str | int | None = None) -> list[Review]:
    """Return what people have to look at, the clock turned first; what is due first on top.

    Raises:
        NotFound: there is no such client.
    """
    turn_clock(gateway, org)
    found = [_of_task(task) for task in tasks(gateway, org, client)]
    ids = gateway.keys(org).ids()
    with gateway.database.transaction(org) as db:
        values = {"client": None if client is None else find_client(db, ids, client), "ahead": AHEAD}
        for row in db.execute(ENDING, values).fetchall():
            number = number_of(db, ids, row.patient_rid, row.body)
            found.append(Review(what=row.what, client=number, about=row.about, persons=(row.person,), due_at=row.at))
    # What is a task without a day is late already: it was found, not announced.
    return sorted(found, key=lambda one: one.due_at or gateway.clock())


def _of_task(task: Task) -> Review:
    persons = tuple(task.detail.get("persons") or filter(None, [task.detail.get("person") or task.person]))
    return Review(
        what=task.kind,
        client=task.client,
        about=task.about,
        persons=persons,
        due_at=task.due_at,
        task=task.id,
        portal=task.portal,
        items=task.detail.get("resources"),
    )
