"""``zorgsluis grant``: what a person may see of a client."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from api.cli.rights import By, ClientArgument, PersonArgument, carried_out, known_links
from api.cli.shared import opened

app = typer.Typer(help="Rights of persons.", no_args_is_help=True)


class Level(StrEnum):
    """The levels of rights: nothing; calendar and general messages; the trust group."""

    NONE = "none"
    BASIC = "basic"
    PRIVATE_MEDICAL = "private-medical"


@app.callback()
def options() -> None:
    """Keep ``grant`` a group: each thing one can do with rights has its name."""


@app.command(name="set")
def set_level(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: Annotated[Level, typer.Argument(help="The level from now on: none, basic or private-medical.", metavar="LEVEL")],
    by: By = "operator",
) -> None:
    """Give a person a level. What it takes away is retracted at once, what it adds is delivered."""
    from gateway import consent
    from gateway.errors import NotFound

    with opened(context) as (installation, org):
        if not known_links(installation.gateway, org, client, person):
            raise NotFound(f"person {person} was never linked to client {client}; first: zorgsluis link add {client} {person}")
        with carried_out(installation.gateway, org) as gateway:
            change = consent.set_grant(gateway, org, client=client, person=person, level=level.value, granted_by=by)
            typer.echo(f"{level.value}: {change.delivering} to deliver, {change.retracting} to retract")
