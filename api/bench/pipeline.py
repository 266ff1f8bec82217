"""``bench pipeline``: the main job at size, per stage, then again with one record in a hundred changed."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from api.bench.meter import Meter, peak_memory_mb
from api.demonstration.stage import Wishes, open_story
from api.demonstration.story import Story
from gateway.accounting import ledgers
from gateway.database import Connection
from gateway.flow import Flow
from gateway.sources import source_ids

RESOURCES: Final = "select count(*) as n, sum(octet_length(body)) as bytes from resource where not deleted"
CHANGES: Final = "select count(*) as n from change"
HELD: Final = "select count(*) as n from disclosure_ledger where held_hash is not null"
BODIES: Final = "select body from resource where not deleted order by rkey limit 50000"
FLOOR_TABLE: Final = "create temp table floor (body bytea) on commit drop"
FLOOR_COPY: Final = "copy floor (body) from stdin"


def pipeline(clients: int, days: int, seed: int, state: Path) -> dict[str, Any]:
    """Run the benchmark and return its figures: resources per second end to end and per stage, CPU seconds, memory."""
    wishes = Wishes(once=True, clients=clients, days=days, seed=seed, lie=None)
    with ExitStack() as stack:
        story = stack.enter_context(open_story(wishes, state, lambda _: None, lambda *_: None))
        story.link_everybody()
        full = _measured(story)
        story.change_the_ecd()
        incremental = _measured(story)
        figures = {"full": full, "incremental": incremental, "baseline": _floor(story)}
        balanced = ledgers(story.installation.gateway, story.org).balanced
    return {
        "bench": "pipeline",
        "clients": clients,
        "days": days,
        "seed": seed,
        "python": platform.python_version(),
        "balanced": balanced,
        "gateway_peak_memory_mb": peak_memory_mb(),
        **figures,
    }


def _measured(story: Story) -> dict[str, Any]:
    """Run one flow stage by stage and return what each moved and cost."""
    gateway, org = story.installation.gateway, story.org
    meter = Meter(server=story.installation.server_pid)
    flow = Flow(gateway=gateway, org=org, each=story.each, progress=lambda *_: None)
    before = _counts(story)
    (source,) = source_ids(gateway, org)
    run = flow.plan(source, None)
    steps: dict[str, Callable[[], None]] = {
        "read": lambda: flow.read(run),
        "map_and_store": lambda: flow.translate(source),
        "disclose": flow.disclose,
        "deliver": flow.deliver,
    }
    for name, step in steps.items():
        with meter.stage(name):
            step()
    after = _counts(story)
    moved = {name: after[name] - before[name] for name in after}
    return {"moved": moved, "stages": meter.stages, **_rates(moved, meter)}


def _counts(story: Story) -> dict[str, int]:
    with story.installation.gateway.database.transaction(story.org) as db:
        return {"resources": _one(db, RESOURCES), "versions": _one(db, CHANGES), "held_by_members": _one(db, HELD)}


def _one(db: Connection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row.n) if row else 0


def _rates(moved: dict[str, int], meter: Meter) -> dict[str, Any]:
    """Return versions per second of wall time, and CPU microseconds per version, per stage and in all."""
    versions = max(moved["versions"], 1)
    wall = sum(stage["wall_s"] for stage in meter.stages.values())
    cpu = {name: stage["gateway_cpu_s"] + stage["database_cpu_s"] for name, stage in meter.stages.items()}
    return {
        "wall_s": round(wall, 2),
        "versions_per_s": round(versions / max(wall, 0.001), 1),
        "cpu_us_per_version": {
            name: round(spent / versions * 1e6, 1) for name, spent in {**cpu, "all": sum(cpu.values())}.items()
        },
    }


def _floor(story: Story) -> dict[str, Any]:
    """Copy the same bytes into an empty table of the same server: nothing that stores them can be cheaper."""
    meter = Meter(server=story.installation.server_pid)
    with story.installation.gateway.database.transaction(story.org) as db:
        bodies = [bytes(row.body) for row in db.execute(BODIES)]
        db.execute(FLOOR_TABLE)
        with meter.stage("copy"), db.cursor() as cursor, cursor.copy(FLOOR_COPY) as copy:
            for body in bodies:
                copy.write_row((body,))
    spent = meter.stages["copy"]["gateway_cpu_s"] + meter.stages["copy"]["database_cpu_s"]
    return {
        "what": "COPY of the same resource bytes into an empty table",
        "resources": len(bodies),
        "cpu_us_per_resource": round(spent / max(len(bodies), 1) * 1e6, 2),
    }
