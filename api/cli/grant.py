"""``zorgsluis grant``: what a person may see of a client."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from api.cli.link import ClientArgument, PersonArgument
from api.cli.shared import opened

app = typer.Typer(help="Rights of persons.", no_args_is_help=True)


class Level(StrEnum):
    """The levels of rights: nothing; calendar and general messages; the trust group."""

    NONE = "none"
    BASIC = "basic"
    PRIVATE_MEDICAL = "private-medical"


@app.command(name="set")
def set_level(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: Annotated[Level, typer.Argument(help="The level from now on.")],
    by: Annotated[str, typer.Option(help="Who decides, for the trail.")] = "operator",
) -> None:
    """Give a person a level. What it takes away is retracted at once, what it adds is delivered."""
    from gateway import consent
    from gateway.outbox import deliver_lane

    with opened(context) as (installation, org):
        change = consent.set_grant(installation.gateway, org, client=client, person=person, level=level.value, granted_by=by)
        for lane in change.lanes:
            deliver_lane(installation.gateway, org, lane)
    typer.echo(f"{level.value}: {change.delivering} to deliver, {change.retracting} to retract")
