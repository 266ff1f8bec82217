"""Six lies that can be planted before the comparison, to see that it would notice: each must end in exit 4 and name its key.

Five falsify the portal's store, as if the gateway had done it; the last falsifies the gateway's own count.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from gateway.errors import Rejected
from gateway.runtime import Gateway

NEWEST: Final = """
select v.seq, v.member, v.type, v.id, v.version, v.body from current c join version v on v.seq = c.seq
where c.op = 'put' and c.type = ? order by v.seq"""
FORGET: Final = "delete from current where member = ? and type = ? and id = ?"
FORGET_VERSIONS: Final = "delete from version where member = ? and type = ? and id = ?"
ADD: Final = """
insert into version (member, type, id, version, op, at, tx, sha256, body) values (?, ?, ?, ?, 'put', ?, 'planted', ?, ?)"""
POINT: Final = """
insert into current (member, type, id, version, op, at, seq) values (?, ?, ?, ?, 'put', ?, ?)
on conflict (member, type, id) do update set version = excluded.version, op = 'put', at = excluded.at, seq = excluded.seq"""
AT: Final = "2026-01-01T00:00:00.000Z"
MISCOUNT: Final = "update slice set received = received + 1 where id = (select min(id) from slice where received > 0)"

Store = sqlite3.Connection


def _row(store: Store, kind: str, accept: Callable[[dict[str, Any]], bool] = lambda _: True) -> tuple[str, str, str, int, bytes]:
    for _, member, rtype, identity, version, body in store.execute(NEWEST, (kind,)):
        if accept(json.loads(body)):
            return member, rtype, identity, version, body
    raise Rejected(f"the portal holds no {kind} to tell this lie about")


def _add(store: Store, member: str, rtype: str, identity: str, version: int, body: bytes) -> None:
    cursor = store.execute(ADD, (member, rtype, identity, version, AT, hashlib.sha256(body).hexdigest(), body))
    store.execute(POINT, (member, rtype, identity, version, AT, cursor.lastrowid))


def dropped(store: Store) -> None:
    """An item that the member may see is not there."""
    place = _row(store, "Observation")[:3]
    store.execute(FORGET, place)
    store.execute(FORGET_VERSIONS, place)


def swapped_member(store: Store) -> None:
    """An item of one client stands with another client's member."""
    member, rtype, identity, version, body = _row(store, "Observation")
    patient = json.loads(body)["subject"]["reference"]
    other = _row(store, "Patient", lambda found: f"Patient/{found['id']}" != patient)[0]
    store.execute(FORGET, (member, rtype, identity))
    store.execute(FORGET_VERSIONS, (member, rtype, identity))
    _add(store, other, rtype, identity, version, body)


def hidden_delivered(store: Store, hidden: Mapping[str, Any], member: str) -> None:
    """A hidden report stands with a member of its client's trust group."""
    _, rtype, identity, _, body = _row(store, "Observation", lambda found: "valueString" in found)
    resource = json.loads(body, parse_float=str)
    resource["id"] = identity[:-4] + "0000"
    before, _, record = resource["meta"]["source"].partition("/record/")
    resource["meta"]["source"] = f"{before}/record/{record.partition('/')[0]}/{hidden['stream']}#{hidden['key']}"
    _add(store, member, rtype, resource["id"], 1, json.dumps(resource).encode())


def reduced_sent_whole(store: Store) -> None:
    """A basic member has an appointment with its description."""
    member, rtype, identity, version, body = _row(store, "Appointment", lambda found: "description" not in found)
    resource = {**json.loads(body), "description": "Persoonlijke verzorging"}
    _add(store, member, rtype, identity, version + 1, json.dumps(resource).encode())


def sent_twice(store: Store) -> None:
    """The same content was written twice."""
    member, rtype, identity, version, body = _row(store, "Observation")
    _add(store, member, rtype, identity, version + 1, body)


PORTAL_LIES: Final[dict[str, Callable[[Store], None]]] = {
    "dropped": dropped,
    "swapped-member": swapped_member,
    "reduced-sent-whole": reduced_sent_whole,
    "sent-twice": sent_twice,
}
LIES: Final = (*PORTAL_LIES, "hidden-delivered", "miscounted")


def plant(lie: str, store: Path, truth: list[dict[str, Any]], members: Mapping[str, str], gateway: Gateway, org: int) -> None:
    """Tell one lie.

    Raises:
        Rejected: there is no such lie, or nothing to tell it about.
    """
    if lie == "miscounted":
        with gateway.database.transaction(org) as db:
            db.execute(MISCOUNT)
        return
    if lie not in LIES:
        raise Rejected(f"no lie is called {lie!r}; there are: {', '.join(LIES)}")
    with closing(sqlite3.connect(store)) as database, database:
        if lie == "hidden-delivered":
            hidden = next((line for line in truth if line.get("reason") == "hidden" and line["member_key"]), None)
            if hidden is None:
                raise Rejected("the sample holds no hidden report of a linked client; take more clients or another seed")
            hidden_delivered(database, hidden, members[hidden["member_key"]])
        else:
            PORTAL_LIES[lie](database)
