"""``zorgsluis grant``: what a person may see of a client."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from api.cli import ask, forbid, representation, review, standing
from api.cli.periods import DataSince, DataUntil, Since, Until, end, start
from api.cli.rights import By, ClientArgument, PersonArgument, carried_out, known_classes, known_links, told
from api.cli.shared import opened

app = typer.Typer(help="Rights of persons.", no_args_is_help=True)
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="Only this class; may be given more than once.", metavar="NAME")
]


class Level(StrEnum):
    """The levels of rights: nothing; calendar and general messages; the trust group."""

    NONE = "none"
    BASIC = "basic"
    PRIVATE_MEDICAL = "private-medical"


class Basis(StrEnum):
    """On whose authority: the client's own, that of who represents them, or the person's own as representative."""

    CLIENT = "client"
    REPRESENTATIVE = "representative"
    STATUTORY = "statutory"


@app.callback()
def options() -> None:
    """Keep ``grant`` a group: each thing one can do with rights has its name."""


@app.command(name="set")
def set_level(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: Annotated[Level, typer.Argument(help="The level from now on: none, basic or private-medical.", metavar="LEVEL")],
    class_: Classes = None,
    since: Since = None,
    until: Until = None,
    data_from: DataSince = None,
    data_until: DataUntil = None,
    basis: Annotated[Basis, typer.Option(help="On whose authority: client, representative or statutory.")] = Basis.CLIENT,
    representative: Annotated[
        str | None, typer.Option(help="With basis representative: the person who gives it, on their mandate.", metavar="PERSON")
    ] = None,
    by: By = "operator",
) -> None:
    """Give a person a level, in place of what they had. What it takes away is retracted at once, what it adds is delivered."""
    from gateway import consent
    from gateway.errors import NotFound

    with opened(context) as (installation, org):
        known_classes(installation.gateway, org, class_)
        if not known_links(installation.gateway, org, client, person):
            raise NotFound(f"person {person} was never linked to client {client}; first: zorgsluis link add {client} {person}")
        with carried_out(installation.gateway, org) as gateway:
            change = consent.set_grant(
                gateway,
                org,
                client=client,
                person=person,
                level=level.value,
                granted_by=by,
                classes=class_,
                basis=basis.value,
                representative=representative,
                valid_from=start(since, "--from"),
                valid_to=end(until, "--until"),
                data_from=start(data_from, "--data-from"),
                data_to=end(data_until, "--data-until"),
            )
            told(level.value, change)


@app.command(name="change")
def change_level(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: Annotated[Level | None, typer.Option(help="Another level.", metavar="LEVEL")] = None,
    class_: Classes = None,
    every_class: Annotated[bool, typer.Option("--every-class", help="All classes that the level holds, again.")] = False,
    until: Until = None,
    data_from: DataSince = None,
    data_until: DataUntil = None,
    by: By = "operator",
) -> None:
    """Change part of a person's right and keep the rest of it."""
    from gateway import consent

    parts: consent.Parts = {}
    if level is not None:
        parts["level"] = level.value
    if class_ or every_class:
        parts["classes"] = class_ or None
    if until is not None:
        parts["valid_to"] = end(until, "--until")
    if data_from is not None:
        parts["data_from"] = start(data_from, "--data-from")
    if data_until is not None:
        parts["data_to"] = end(data_until, "--data-until")
    if not parts:
        raise typer.BadParameter("say what changes: --level, --class, --every-class, --until, --data-from or --data-until")
    with opened(context) as (installation, org):
        known_classes(installation.gateway, org, class_)
        with carried_out(installation.gateway, org) as gateway:
            told("changed", consent.change_grant(gateway, org, client=client, person=person, by=by, **parts))


for part in (standing, forbid, review, ask):
    part.register(app)
app.add_typer(representation.app, name="representation", short_help="Who may act for a client.")
