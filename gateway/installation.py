"""Make the database know what the configuration says: organisations, neighbours, hours, keys, class maps and mapping versions.

Only what works with it takes it into use (``serve``, ``sync``); other commands look whether it differs. Running it again changes nothing.
Nothing is ever removed here: what is no longer in the file keeps its history.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import structlog
from psycopg import Rollback
from psycopg.types.json import Jsonb

from gateway.clock import Clock
from gateway.config import Config, OrganisationConfig, PortalConfig, SourceConfig
from gateway.database import Connection, Database
from gateway.disclosure.classes import import_class_map
from gateway.errors import Misconfigured
from gateway.keys import KeyRing, load_or_create
from gateway.manifest import manifest_of
from gateway.mapping.versions import import_shipped, shipped_files
from gateway.runtime import connector
from gateway.settings import check_settings

UPSERT_ORGANISATION: Final = """
insert into organisation (code, name, dossier_acr, step_up_minutes, expiry, freeze_at_end, freeze_on_death)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (code) do update
set name = excluded.name, dossier_acr = excluded.dossier_acr, step_up_minutes = excluded.step_up_minutes, expiry = excluded.expiry,
  freeze_at_end = excluded.freeze_at_end, freeze_on_death = excluded.freeze_on_death
returning id"""
ORGANISATION: Final = "select id from organisation where code = %s"
UPSERT_SOURCE: Final = """
insert into source (org, code, connector, system, zone, settings) values (%s, %s, %s, %s, %s, %s)
on conflict (org, code) do update
set connector = excluded.connector, system = excluded.system, zone = excluded.zone, settings = excluded.settings
returning id"""
UPSERT_PORTAL: Final = """
insert into portal (org, code, connector, settings, step_up, acr, retraction, max_entries, audiences)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (org, code) do update
set connector = excluded.connector, settings = excluded.settings, step_up = excluded.step_up, acr = excluded.acr,
  retraction = excluded.retraction, max_entries = excluded.max_entries, audiences = excluded.audiences"""
# Other hours hold from now on: the slots before were right by the hours of their time.
UPSERT_SCHEDULE: Final = """
insert into schedule (org, code, zone, hours, since) values (%s, %s, %s, %s, %s)
on conflict (org, code) do update set zone = excluded.zone, hours = excluded.hours,
  since = case when (schedule.zone, schedule.hours) is distinct from (excluded.zone, excluded.hours) then excluded.since
    else schedule.since end"""
INSERT_FINGERPRINT: Final = """
insert into key_fingerprint (org, purpose, fingerprint) values (%s, %s, %s) on conflict do nothing"""
FINGERPRINTS: Final = "select purpose, fingerprint from key_fingerprint where org = %s"

# What disclosure judges by and the file can change: a portal that asks less, an organisation that asks more.
JUDGED_BY: Final = """
select organisation.dossier_acr, organisation.step_up_minutes, organisation.expiry, organisation.freeze_at_end, portal.code, portal.step_up,
  portal.acr, portal.retraction, portal.audiences, portal.settings ->> 'origin' as origin
from organisation left join portal on portal.org = organisation.id where organisation.code = %s order by portal.code"""
# All that the file and the maps beside the program can change.
IN_USE: Final = """
select (select jsonb_agg(to_jsonb(found)) from (
    select name, dossier_acr, step_up_minutes, expiry, freeze_at_end, freeze_on_death from organisation where id = %(org)s) found) as own,
  (select jsonb_agg(to_jsonb(found) order by found.id) from (
    select id, connector, system, zone, settings, shipped_sha from source where org = %(org)s) found) as sources,
  (select jsonb_agg(to_jsonb(found) order by found.id) from (
    select id, connector, settings, step_up, acr, retraction, max_entries, audiences from portal where org = %(org)s) found) as portals,
  (select jsonb_agg(to_jsonb(found) order by found.id) from (
    select id, zone, hours from schedule where org = %(org)s) found) as schedules,
  (select jsonb_agg(to_jsonb(class_map) order by to_jsonb(class_map)) from class_map where org = %(org)s) as classes"""
JUDGE_AGAIN: Final = """
insert into disclose_due (org, client_id, cause) select distinct org, client_id, 'configuration' from link where org = %s"""

UNNAMED: Final = "select code from portal where org = %s and code <> all(%s) order by code"

log = structlog.get_logger()


def install(database: Database, config: Config, key_folder: Path, clock: Clock) -> dict[int, KeyRing]:
    """Bring the tables in line with the file and return each organisation's keys.

    Raises:
        Misconfigured: the keys on disk aren't those that this database was written with, or a neighbour has settings that its
            connector doesn't take.
    """
    return dict(_install(database, organisation, key_folder, clock) for organisation in config.organisations)


def recognise(database: Database, config: Config, key_folder: Path, clock: Clock) -> tuple[dict[int, KeyRing], list[str]]:
    """Return each organisation's keys, and the codes of those for which the file says something else than is in use.

    What is in use stays: a command that only looks takes nothing from anybody. An organisation that the database doesn't know is
    brought into it, since nothing is in use of it yet.

    Raises:
        Misconfigured: as for ``install``.
    """
    rings: dict[int, KeyRing] = {}
    differing: list[str] = []
    for organisation in config.organisations:
        org = _number(database, organisation.code)
        if org is None:
            org, ring = _install(database, organisation, key_folder, clock)
            rings[org] = ring
            continue
        rings[org] = load_or_create(key_folder / f"{organisation.code}.json")
        with database.transaction(org) as db:
            _recognise(db, org, rings[org])
        if _differs(database, org, organisation, clock):
            differing.append(organisation.code)
    return rings, differing


def _install(database: Database, organisation: OrganisationConfig, key_folder: Path, clock: Clock) -> tuple[int, KeyRing]:
    """Bring one organisation's tables in line with the file and return its number and its keys.

    All of it at once: what asks more than before is never in use without its clients being judged again.
    """
    org = _number(database, organisation.code) or _begin(database, organisation)
    ring = load_or_create(key_folder / f"{organisation.code}.json")
    with database.transaction(org) as db:
        before = db.execute(JUDGED_BY, (organisation.code,)).fetchall()
        db.execute(UPSERT_ORGANISATION, _organisation(organisation))
        _recognise(db, org, ring)
        _neighbours(db, org, organisation, clock)
        _warn_of_unnamed(db, org, organisation)
        if db.execute(JUDGED_BY, (organisation.code,)).fetchall() != before:
            db.execute(JUDGE_AGAIN, (org,))
    return org, ring


def _begin(database: Database, organisation: OrganisationConfig) -> int:
    """Give a new organisation its number, by which its rows are told from those of others; nothing is judged by it yet."""
    with database.transaction(None) as db:
        row = db.execute(UPSERT_ORGANISATION, _organisation(organisation)).fetchone()
    if row is None:
        raise Misconfigured(f"organisation {organisation.code}: the database gave it no number")
    return int(row.id)


def _differs(database: Database, org: int, organisation: OrganisationConfig, clock: Clock) -> bool:
    """Tell whether to install this would change anything, by doing so in a transaction that is rolled back."""
    differs = False
    with database.transaction(org) as db:
        before = db.execute(IN_USE, {"org": org}).fetchone()
        db.execute(UPSERT_ORGANISATION, _organisation(organisation))
        _neighbours(db, org, organisation, clock)
        differs = db.execute(IN_USE, {"org": org}).fetchone() != before
        raise Rollback
    return differs


def _number(database: Database, code: str) -> int | None:
    with database.transaction(None) as db:
        known = db.execute(ORGANISATION, (code,)).fetchone()
    return None if known is None else int(known.id)


def _recognise(db: Connection, org: int, ring: KeyRing) -> None:
    """Refuse to go on with other keys: every id and every match would silently come out different."""
    prints = ring.fingerprints()
    for purpose, fingerprint in prints.items():
        db.execute(INSERT_FINGERPRINT, (org, purpose, fingerprint))
    for row in db.execute(FINGERPRINTS, (org,)):
        if bytes(row.fingerprint) != prints[row.purpose]:
            raise Misconfigured(
                f"the {row.purpose} key on disk is not the one this database was written with; "
                "restore the key file that belongs to it"
            )


def _organisation(organisation: OrganisationConfig) -> tuple[Any, ...]:
    sharing = organisation.sharing
    frozen = (sharing.at_end_of_care == "freeze", sharing.on_death == "freeze")
    return organisation.code, organisation.name, sharing.dossier_acr, sharing.step_up_minutes, sharing.on_expiry, *frozen


def _neighbours(db: Connection, org: int, organisation: OrganisationConfig, clock: Clock) -> None:
    class_maps: dict[str, list[bytes]] = defaultdict(list)
    for source in organisation.sources:
        class_maps[source.system].append(_source(db, org, source, clock))
    for system, files in class_maps.items():
        import_class_map(db, org, system, *files)
    for portal in organisation.portals:
        _portal(db, org, portal)
    schedule = organisation.schedule
    db.execute(UPSERT_SCHEDULE, (org, schedule.code, schedule.zone, list(schedule.hours), clock()))


def _warn_of_unnamed(db: Connection, org: int, organisation: OrganisationConfig) -> None:
    """Say which portals the file doesn't name, and are delivered to all the same: who should get nothing more is unlinked."""
    named = [portal.code for portal in organisation.portals]
    unnamed = [row.code for row in db.execute(UNNAMED, (org, named)).fetchall()]
    if unnamed:
        log.warning("portal.unnamed", organisation=organisation.code, portals=unnamed)


def _portal(db: Connection, org: int, portal: PortalConfig) -> None:
    """Write a portal with what it can do: decisions and delivery judge by the row."""
    sink, settings = connector(portal.connector), dict(portal.settings)
    check_settings(f"portal {portal.code}", settings, sink.config_schema)
    manifest = manifest_of(portal.code, sink, settings)
    row = (org, portal.code, portal.connector, Jsonb(settings))
    able = (manifest.step_up, manifest.acr, manifest.retraction, manifest.max_entries, sorted(manifest.audiences))
    db.execute(UPSERT_PORTAL, (*row, *able))


def _source(db: Connection, org: int, source: SourceConfig, clock: Clock) -> bytes:
    """Write a source with its maps; return its class map, which is one with that of the other sources of its system."""
    settings: dict[str, Any] = dict(source.settings)
    check_settings(f"source {source.code}", settings, connector(source.connector).config_schema)
    values = (org, source.code, source.connector, source.system, source.zone, Jsonb(settings))
    row = db.execute(UPSERT_SOURCE, values).fetchone()
    if row is None:
        raise Misconfigured(f"source {source.code}: the database gave it no number")
    files = shipped_files(source.maps or source.connector, source.code)
    import_shipped(db, org, row.id, files, clock())
    return files["class_map.csv"]
