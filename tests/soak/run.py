"""The soak: many deliveries, random rights, real kills; then the portal's own store against the truth. Prints JSON.

``python -m tests.soak.run --clients 2000 --deliveries 1000000``; exit status 1 when something was found.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from api.demonstration.setup import PORTAL
from api.opening import Installation, open_installation
from tests.conftest import reachable_folder
from tests.kills.stage import BEFORE_SLOT, SLOT_BOUND_S, Stage, await_condition, prepared, staged
from tests.soak.check import Report, checked, portal_writes
from tests.soak.disturb import Disturbance
from tests.soak.drive import Driver, Family

ACCEPTED: Final = "select count(*) from version"
LINKED: Final = """
select link.client_id, array_agg(person.code order by person.code) as persons
from link join person on person.id = link.person_id where link.state = 'active' group by link.client_id order by link.client_id"""
OPEN: Final = """
select exists (select from outbox where state = 'ready') or exists (select from disclose_due)
  or exists (select from journal where state = 'waiting') or exists (select from run_slot where outcome is null)
  or exists (select from client where next_change_at <= app_now()) as something, exists (select from run_slot where outcome = 'ran') as ran"""
# So much may wait for each family before the driver does: rights change faster than a portal takes in.
BACKLOG: Final = 20
# Changes of rights between two looks at how much waits: the looks cost as much as the changes.
ACTS: Final = 10
P95_S: Final = 120.0
DEADLINE_S: Final = 900.0
NAMED: Final = 20


def soak(folder: Path, *, clients: int, deliveries: int, days: int, every_s: float, seed: int, bound_s: float) -> dict[str, Any]:
    """Run it in a folder and return what was done and found."""
    chance = random.Random(seed)
    began = time.time()
    with (
        prepared(folder, clients=clients, days=days) as organisation,
        staged(organisation, folder.with_name(f"{folder.name}-stage")) as stage,
    ):
        offset = BEFORE_SLOT - datetime.now(UTC)
        disturbance = Disturbance(stage=stage, offset=offset, chance=random.Random(chance.random()), every_s=every_s)
        with disturbance.running(), _opened(stage, offset) as installation:
            driver = _driver(installation, chance)
            await_condition(lambda: _done(installation), bound_s)
            driver.begin()
            with _disturbed(disturbance):
                _drive(driver, lambda: _accepted(stage) >= deliveries and disturbance.enough())
            driver.settle()
            await_condition(lambda: _done(installation), bound_s)
            for family in driver.families:
                driver.note(family.client)
            # While the portal runs: one that came back after a kill ends with the disturbance.
            verified = stage.run("verify", "--read-back", within_s=bound_s)
        report = checked(portal_writes(_store(stage)), driver.allowed, outages=disturbance.outages, deadline_s=DEADLINE_S)
    violations = verified.stdout + verified.stderr if verified.returncode else ""
    return _told(report, driver, disturbance, violations, time.time() - began)


@contextmanager
def _opened(stage: Stage, offset: timedelta) -> Iterator[Installation]:
    with open_installation(
        stage.files.config, state=stage.files.folder, clock=lambda: datetime.now(UTC) + offset, embedded=True
    ) as installation:
        yield installation


def _driver(installation: Installation, chance: random.Random) -> Driver:
    org = installation.org(None)
    with installation.gateway.database.transaction(org) as db:
        families = [Family(client=row.client_id, persons=tuple(row.persons)) for row in db.execute(LINKED)]
    return Driver(gateway=installation.gateway, org=org, portal=PORTAL, families=families, chance=chance)


def _done(installation: Installation) -> bool:
    with installation.gateway.database.transaction(installation.org(None)) as db:
        row = db.execute(OPEN).fetchone()
    return row is not None and row.ran and not row.something


@contextmanager
def _disturbed(disturbance: Disturbance) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=disturbance.go_on, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        disturbance.behave()


def _drive(driver: Driver, enough: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not enough():
        if driver.waiting() > BACKLOG * len(driver.families):
            pause.wait(0.5)
            continue
        for _ in range(ACTS):
            driver.act()


def _store(stage: Stage) -> Path:
    return stage.files.portal_store / "portal.sqlite"


def _accepted(stage: Stage) -> int:
    with closing(sqlite3.connect(f"file:{_store(stage)}?mode=ro", uri=True)) as db:
        return int(db.execute(ACCEPTED).fetchone()[0])


def _told(report: Report, driver: Driver, disturbance: Disturbance, violations: str, took_s: float) -> dict[str, Any]:
    found = {
        "unpermitted": report.unpermitted[:NAMED],
        "missing": report.missing[:NAMED],
        "twice": report.twice[:NAMED],
        "verify_read_back": violations.splitlines()[:NAMED],
    }
    p95 = report.percentile(0.95)
    return {
        "bench": "soak",
        "clients": len(driver.families),
        "members": len(driver.allowed),
        "deliveries": report.deliveries,
        "retractions": report.retractions,
        "changes_of_rights": dict(driver.acts),
        "disturbances": disturbance.kills,
        "found": found,
        "exposed_seconds": {
            "p50": report.percentile(0.5),
            "p95": p95,
            "max": max(report.exposed, default=0.0),
            "of": len(report.exposed),
        },
        "holds": not any(found.values()),
        "p95_within_bar": p95 < P95_S,
        "wall_s": round(took_s),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak and print its JSON."""
    parser = argparse.ArgumentParser(description="Deliveries under random rights, kills and faults, checked at the portal.")
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=60)
    # Half a minute passes before a portal that failed is tried again: with faults closer together it would hardly ever be up.
    parser.add_argument("--every", type=float, default=60.0, help="A kill or a fault about every so many seconds.")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--evidence", type=Path, help="Also write the JSON here.")
    given = parser.parse_args(arguments)
    told = soak(
        reachable_folder("soak"),
        clients=given.clients,
        deliveries=given.deliveries,
        days=given.days,
        every_s=given.every,
        seed=given.seed,
        bound_s=SLOT_BOUND_S + given.clients * 2,
    )
    text = json.dumps(told, indent=2) + "\n"
    sys.stdout.write(text)
    if given.evidence:
        given.evidence.write_text(text, encoding="utf-8")
    return 0 if told["holds"] and told["p95_within_bar"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
