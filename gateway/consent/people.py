"""Who and what a right is about, by the names that callers use: persons, portals, a client's resources."""

from __future__ import annotations

import re
from typing import Final

from gateway.database import Connection
from gateway.errors import NotFound, Rejected

# The number of a relation in the ECD, or another system's code for one: never a name, which would stand in the trail. So it has a digit.
CODE: Final = re.compile(r"(?=[^0-9]*[0-9])[0-9A-Za-z][0-9A-Za-z._:|/-]{0,63}")
NO_CODE: Final = "this is no person's number: give that of the relation in the ECD (digits, or a code with digits and no spaces)"
PERSON: Final = "select id from person where org = %s and code = %s"
NEW_PERSON: Final = "insert into person (org, code) values (%s, %s) on conflict (org, code) do nothing"
PORTAL: Final = "select id from portal where org = %s and code = %s"
RESOURCE: Final = "select rkey from resource where org = %s and rtype = %s and rid = %s and client_id = %s"


def person_of(db: Connection, org: int, code: str) -> int:
    """Return the person of that code; a new one comes into being.

    Raises:
        Rejected: it is nobody's yet, and can't be a code; whoever has a code from before keeps it.
    """
    if CODE.fullmatch(code) is None and db.execute(PERSON, (org, code)).fetchone() is None:
        raise Rejected(NO_CODE)
    db.execute(NEW_PERSON, (org, code))
    return known_person(db, org, code)


def known_person(db: Connection, org: int, code: str) -> int:
    """Return the person of that code.

    Raises:
        NotFound: nobody has it.
    """
    row = db.execute(PERSON, (org, code)).fetchone()
    if row is None:
        raise NotFound("no person of that number is known")
    return int(row.id)


def known_portal(db: Connection, org: int, code: str) -> int:
    """Return the portal of that code.

    Raises:
        NotFound: none has it.
    """
    row = db.execute(PORTAL, (org, code)).fetchone()
    if row is None:
        raise NotFound(f"no portal is called {code}")
    return int(row.id)


def resource_of(db: Connection, org: int, client_id: int, ref: str) -> int:
    """Return the number of a client's ``Type/id``.

    Raises:
        NotFound: the client has no such resource.
    """
    type_, _, id_ = ref.partition("/")
    row = db.execute(RESOURCE, (org, type_, id_, client_id)).fetchone()
    if row is None:
        raise NotFound(f"{ref}: this client has no such resource")
    return int(row.rkey)
