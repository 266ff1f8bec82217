"""Starting: the database is made to know what the configuration says, and starting again changes nothing that people see."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

import mappings
from gateway.config import Config, OrganisationConfig, PortalConfig, ScheduleConfig, SharingConfig, SourceConfig
from gateway.database import Database
from gateway.errors import Misconfigured
from gateway.installation import IN_USE, install, recognise
from tests.integration.store_world import START, Ticking

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "mappings" / "ons" / "class_map.csv"
SECOND = "second_channel"
SETTINGS: dict[str, Any] = {"base_url": "http://ecd.example", "secrets": {"certificate": "/nowhere/certificate"}}


LINKED = """
with client as (insert into client (org, patient_rid) values (%(org)s, 'p') on conflict (org, patient_rid) do nothing returning id),
person as (insert into person (org, code) values (%(org)s, '50') on conflict (org, code) do nothing returning id)
insert into link (org, portal_id, client_id, person_id, member, state, linked_at)
select %(org)s, portal.id, client.id, person.id, gen_random_uuid(), 'active', now() from portal, client, person"""


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def database(database_url: str, clock: Ticking) -> Iterator[Database]:
    with Database(database_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def second_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Maps of a second channel to the same record system; yields its class map."""
    folder = tmp_path / "maps" / SECOND
    shutil.copytree(SHIPPED.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(mappings, "__path__", [*mappings.__path__, str(folder.parent)])
    yield folder / SHIPPED.name
    sys.modules.pop(f"mappings.{SECOND}", None)


def config(*maps: str, hours: tuple[int, ...] = (7, 19), zone: str = "Europe/Amsterdam") -> Config:
    """One record system, read through a source for each set of maps."""
    sources = tuple(
        SourceConfig(code=f"s-{name}", connector="ons", system="ons-delinde", maps=name, settings=SETTINGS) for name in maps
    )
    schedule = ScheduleConfig(hours=hours, zone=zone)
    return Config(organisations=(OrganisationConfig(code="delinde", name="De Linde", sources=sources, schedule=schedule),))


def keys_in_class_map(database: Database, org: int) -> set[str]:
    with database.transaction(org) as db:
        return {row.class_key for row in db.execute("select class_key from class_map where system = 'ons-delinde'")}


def test_two_sources_of_one_record_system_keep_the_classes_of_both_at_every_start(
    database: Database, clock: Ticking, second_maps: Path, tmp_path: Path
) -> None:
    second_maps.write_bytes(SHIPPED.read_bytes() + b"ons,by-second-channel,message,circle,,N,\n")
    (org,) = install(database, config("ons"), tmp_path, clock)
    first = keys_in_class_map(database, org)

    for order in (("ons", SECOND), (SECOND, "ons")):
        install(database, config(*order), tmp_path, clock)
        assert keys_in_class_map(database, org) == first | {"by-second-channel"}
    with database.transaction(org) as db:
        assert db.execute("select * from disclose_due").fetchall() == []


def test_two_sources_that_say_different_things_of_a_class_are_refused(
    database: Database, clock: Ticking, second_maps: Path, tmp_path: Path
) -> None:
    second_maps.write_bytes(SHIPPED.read_bytes().replace(b"patient,profile,circle,name-only", b"patient,profile,circle,whole"))

    with pytest.raises(Misconfigured, match=r"the sources of ons-delinde say different things of patient"):
        install(database, config("ons", SECOND), tmp_path, clock)


def begin(database: Database, clock: Ticking, folder: Path, asks: int, **manifest: Any) -> int:
    """Start with an organisation that asks this for a dossier; return how many clients are to be judged again by that."""
    settings = {"base_url": "http://portal.example", "secrets": {"key": "/nowhere/key"}, "manifest": manifest}
    portal = PortalConfig(code="familie", connector="member-fhir", settings=settings)
    sharing = SharingConfig(dossier_acr=asks)
    whole = Config(organisations=(OrganisationConfig(code="delinde", name="De Linde", portals=(portal,), sharing=sharing),))
    (org,) = install(database, whole, folder, clock)
    with database.transaction(org) as db:
        db.execute(LINKED, {"org": org})
        return db.execute("delete from disclose_due where cause = 'configuration'").rowcount


def test_clients_are_judged_again_when_the_organisation_or_a_portal_asks_something_else(
    database: Database, clock: Ticking, tmp_path: Path
) -> None:
    begin(database, clock, tmp_path, 2)
    assert begin(database, clock, tmp_path, 2) == 0
    assert begin(database, clock, tmp_path, 3) == 1
    assert begin(database, clock, tmp_path, 3) == 0
    assert begin(database, clock, tmp_path, 3, retraction="cannot") == 1
    assert begin(database, clock, tmp_path, 3, retraction="cannot", step_up=False) == 1


def test_what_an_organisation_asks_is_in_use_only_once_its_clients_are_judged_again(
    database: Database, clock: Ticking, tmp_path: Path
) -> None:
    begin(database, clock, tmp_path, 2)
    with pytest.raises(Misconfigured):
        begin(database, clock, tmp_path, 3, retraction="nonsense")
    with database.transaction(None) as db:
        assert [row.dossier_acr for row in db.execute("select dossier_acr from organisation where code = 'delinde'")] == [2]

    assert begin(database, clock, tmp_path, 3) == 1


def test_a_portal_that_the_file_no_longer_names_is_warned_of_at_every_start(
    database: Database, clock: Ticking, tmp_path: Path
) -> None:
    settings = {"base_url": "http://portal.example", "secrets": {"key": "/nowhere/key"}}
    portal = PortalConfig(code="familie", connector="member-fhir", settings=settings)

    def warned(*portals: PortalConfig) -> list[object]:
        with capture_logs() as logs:
            install(
                database,
                Config(organisations=(OrganisationConfig(code="delinde", name="De Linde", portals=portals),)),
                tmp_path,
                clock,
            )
        return [(line["log_level"], line["organisation"], line["portals"]) for line in logs if line["event"] == "portal.unnamed"]

    assert warned(portal) == []
    assert warned() == warned() == [("warning", "delinde", ["familie"])]


@pytest.mark.parametrize(("hours", "zone"), [((7, 11, 19), "Europe/Amsterdam"), ((7, 19), "Europe/Lisbon")])
def test_a_schedule_counts_from_the_last_change_of_its_hours(
    database: Database, clock: Ticking, tmp_path: Path, hours: tuple[int, ...], zone: str
) -> None:
    (org,) = install(database, config(), tmp_path, clock)
    clock.pass_time(days=3)
    install(database, config(), tmp_path, clock)
    assert since(database, org) == START

    install(database, config(hours=hours, zone=zone), tmp_path, clock)
    changed = clock()
    clock.pass_time(days=3)
    install(database, config(hours=hours, zone=zone), tmp_path, clock)

    assert since(database, org) == changed


def since(database: Database, org: int) -> object:
    with database.transaction(org) as db:
        row = db.execute("select since from schedule").fetchone()
    assert row is not None
    return row.since


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_url": "ecd.example"}, "source ons: settings.base_url isn't right: its pattern must be ^https?://"),
        ({"reconcile_every": "nightly"}, "source ons: settings.reconcile_every isn't right: its type must be integer"),
        ({"reconcil_every": 2}, "'reconcil_every' was unexpected"),
        ({"secrets": {"tls_key": "/k"}}, "source ons: settings.secrets must have certificate or tls_certificate and tls_key"),
        ({"secrets": None}, "source ons: settings.secrets isn't right: its type must be object"),
    ],
)
def test_settings_that_a_connector_does_not_take_are_named_by_their_key_and_never_by_their_value(
    database: Database, clock: Ticking, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    source = SourceConfig(code="ons", connector="ons", system="ons-delinde", settings={**SETTINGS, **change})
    organisation = OrganisationConfig(code="delinde", name="De Linde", sources=(source,))

    with pytest.raises(Misconfigured) as refused:
        install(database, Config(organisations=(organisation,)), tmp_path, clock)

    assert said in str(refused.value)
    assert "nightly" not in str(refused.value)
    assert "nowhere" not in str(refused.value)


def test_who_only_looks_leaves_in_use_what_is_and_hears_that_the_file_says_something_else(
    database: Database, tmp_path: Path, clock: Ticking, second_maps: Path
) -> None:
    first = config(SECOND)
    rings, differing = recognise(database, first, tmp_path, clock)
    assert (list(rings), differing) == ([one_org(database)], [])
    before = in_use(database)
    assert recognise(database, first, tmp_path, clock)[1] == []

    lines = second_maps.read_text().splitlines(keepends=True)
    second_maps.write_text("".join(lines[:-1]))
    assert recognise(database, first, tmp_path, clock)[1] == ["delinde"]
    second_maps.write_text("".join(lines))
    assert recognise(database, config(SECOND, hours=(7, 9)), tmp_path, clock)[1] == ["delinde"]
    assert in_use(database) == before

    install(database, config(SECOND, hours=(7, 9)), tmp_path, clock)
    assert recognise(database, config(SECOND, hours=(7, 9)), tmp_path, clock)[1] == []


def one_org(database: Database) -> int:
    with database.transaction(None) as db:
        row = db.execute("select id from organisation where code = 'delinde'").fetchone()
    assert row is not None
    return int(row.id)


def in_use(database: Database) -> list[Any]:
    org = one_org(database)
    with database.transaction(org) as db:
        return db.execute(IN_USE, {"org": org}).fetchall() + db.execute("select cause from disclose_due").fetchall()
