"""The class map: what kind of information a source's item is, and whom that kind is for. What isn't in it is seen by nobody."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from gateway.database import Connection
from gateway.disclosure.decide import AUDIENCES, ClassRule
from gateway.disclosure.projections import PROJECTIONS
from gateway.disclosure.referring import clients_referring_to
from gateway.errors import Misconfigured

OWN_SYSTEM: Final = "*"
CARE_TEAM: Final = "care-team"
OWN_RULES: Final = {CARE_TEAM: ClassRule(class_="care-team", audience="circle", basic_projection="whole", label="N")}
COLUMNS: Final = ("class_key", "class", "audience", "basic_projection", "label")
LABELS: Final = frozenset({"N", "R", "V"})

RULES: Final = """
select class_key, class as class_, audience, basic_projection, label from class_map where org = %s and system = %s"""
UPSERT: Final = """
insert into class_map (org, system, class_key, class, audience, basic_projection, label) values (%s, %s, %s, %s, %s, %s, %s)
on conflict (org, system, class_key) do update set class = excluded.class, audience = excluded.audience,
  basic_projection = excluded.basic_projection, label = excluded.label"""
REMOVE: Final = "delete from class_map where org = %s and system = %s and class_key = any(%s)"
# A class can change what any client's members see: those who have something of it are looked at again.
TOUCHED: Final = """
insert into disclose_due (org, client_id, cause)
select distinct %(org)s::smallint, client_id, 'class-map' from resource
where system = %(system)s and class_key = any(%(keys)s) and client_id is not null and not deleted"""
DIRECTORY: Final = """
select rkey from resource where system = %(system)s and class_key = any(%(keys)s) and client_id is null and not deleted"""
TOUCHED_BY_DIRECTORY: Final = """
insert into disclose_due (org, client_id, cause) select %s, client_id, 'class-map' from unnest(%s::bigint[]) as due (client_id)"""


def rules(db: Connection, org: int, system: str) -> dict[str, ClassRule]:
    """Return what the class map says about a source, by class key."""
    return {
        row.class_key: ClassRule(class_=row.class_, audience=row.audience, basic_projection=row.basic_projection, label=row.label)
        for row in db.execute(RULES, (org, system))
    }


def import_class_map(db: Connection, org: int, system: str, *files: bytes) -> int:
    """Make the class map of a record system equal to its files; return the number of changes.

    A system that is read through several sources has a file of each, and all of them hold (columns: ``COLUMNS``; others are for the
    reader). What they say of the same key must be the same.

    Clients that have something of a changed class become due. Importing the same files again changes nothing.

    Raises:
        Misconfigured: a column is missing, a key comes twice, or an audience, projection or label is unknown (the line is named); or two
            files say different things of a key.
    """
    changed = _replace(db, org, system, _union(system, files))
    _replace(db, org, OWN_SYSTEM, OWN_RULES)
    if changed:
        touched = {"org": org, "system": system, "keys": changed}
        db.execute(TOUCHED, touched)
        directory = [row.rkey for row in db.execute(DIRECTORY, touched)]
        db.execute(TOUCHED_BY_DIRECTORY, (org, sorted(clients_referring_to(db, org, directory))))
    return len(changed)


def _replace(db: Connection, org: int, system: str, wanted: dict[str, ClassRule]) -> list[str]:
    present = rules(db, org, system)
    changed = {key: rule for key, rule in wanted.items() if present.get(key) != rule}
    gone = [key for key in present if key not in wanted]
    for key, rule in changed.items():
        db.execute(UPSERT, (org, system, key, rule.class_, rule.audience, rule.basic_projection, rule.label))
    if gone:
        db.execute(REMOVE, (org, system, gone))
    return [*changed, *gone]


def _union(system: str, files: Iterable[bytes]) -> dict[str, ClassRule]:
    together: dict[str, ClassRule] = {}
    for file in files:
        for key, rule in _read(file).items():
            if together.setdefault(key, rule) != rule:
                raise Misconfigured(
                    f"class_map.csv: the sources of {system} say different things of {key}; make their rows equal"
                )
    return together


def _read(csv_bytes: bytes) -> dict[str, ClassRule]:
    reader = csv.DictReader(io.StringIO(csv_bytes.decode("utf-8-sig")))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise Misconfigured(f"class_map.csv: no column {', '.join(missing)}")
    found: dict[str, ClassRule] = {}
    for number, row in enumerate(reader, start=2):
        if row["class_key"] in found:
            raise Misconfigured(f"class_map.csv line {number}: {row['class_key']} comes twice")
        found[row["class_key"]] = _rule(number, row)
    return found


def _rule(number: int, row: dict[str, str]) -> ClassRule:
    allowed = {"audience": AUDIENCES, "basic_projection": frozenset(PROJECTIONS), "label": LABELS}
    for column, values in allowed.items():
        if row[column] and row[column] not in values:
            raise Misconfigured(f"class_map.csv line {number}: {column} {row[column]!r} is none of {', '.join(sorted(values))}")
    if not row["class"] or not row["class_key"]:
        raise Misconfigured(f"class_map.csv line {number}: class and class_key can't be empty")
    return ClassRule(
        class_=row["class"],
        audience=row["audience"] or None,
        basic_projection=row["basic_projection"] or None,
        label=row["label"] or None,
    )
