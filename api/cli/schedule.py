"""``zorgsluis schedule``: the slots to come and the slots that were."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from api.cli.shared import Json, line, opened, table

if TYPE_CHECKING:
    from schedules.listing import PastSlot

app = typer.Typer(help="Slots.", no_args_is_help=True)


@app.command(name="next")
def next_slots(context: typer.Context, count: Annotated[int, typer.Option(min=1, max=500)] = 5, json: Json = False) -> None:
    """List the coming slots, in local time and UTC."""
    from schedules.listing import coming, schedules

    with opened(context) as (installation, org):
        found = [
            (one, list(islice(coming(one, installation.gateway.clock()), count))) for one in schedules(installation.gateway, org)
        ]
    rows: list[list[object]] = []
    for schedule, slots in found:
        for slot in slots:
            local = slot.astimezone(ZoneInfo(schedule.hours.zone))
            if json:
                line({"schedule": schedule.code, "slot": slot, "local": local})
            rows.append([schedule.code, f"{local:%Y-%m-%d %H:%M %Z}", f"{slot:%Y-%m-%d %H:%M}Z"])
    if not json:
        table(["schedule", "local", "utc"], rows)


@app.command()
def history(context: typer.Context, count: Annotated[int, typer.Option(min=1, max=5000)] = 20, json: Json = False) -> None:
    """List the newest slots with their one outcome, in local time and UTC."""
    from schedules.listing import past

    with opened(context) as (installation, org):
        slots = past(installation.gateway, org, count)
    if json:
        for slot in slots:
            line(slot)
        return
    table(["schedule", "local", "utc", "outcome", "reason", "finished"], [_past(slot) for slot in slots])


def _past(slot: PastSlot) -> list[object]:
    zone = ZoneInfo(slot.zone)
    finished = f"{slot.finished_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if slot.finished_at else ""
    local, utc = f"{slot.slot.astimezone(zone):%Y-%m-%d %H:%M %Z}", f"{slot.slot:%Y-%m-%d %H:%M}Z"
    return [slot.schedule, local, utc, slot.outcome or "under way", slot.reason or "", finished]
