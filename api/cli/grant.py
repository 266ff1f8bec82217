"""``zorgsluis grant``: what a person may see of a client."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import ask, forbid, representation, review, standing
from api.cli.periods import DataSince, DataUntil, Since, Until, end, start
from api.cli.rights import By, ClientArgument, PersonArgument, Simulate, decide, known_classes, refuse_a_stranger
from api.cli.shared import Json, opened
from api.cli.simulation import show

if TYPE_CHECKING:
    from gateway.consent.terms import Terms
    from gateway.runtime import Gateway

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


LevelArgument = Annotated[Level, typer.Argument(help="The level: none, basic or private-medical.", metavar="LEVEL")]
BasisOption = Annotated[Basis, typer.Option(help="On whose authority: client, representative or statutory.")]
Giver = Annotated[
    str | None, typer.Option(help="With basis representative: the person who gives it, on their mandate.", metavar="PERSON")
]


@app.command(name="set")
def set_level(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: LevelArgument,
    class_: Classes = None,
    since: Since = None,
    until: Until = None,
    data_from: DataSince = None,
    data_until: DataUntil = None,
    basis: BasisOption = Basis.CLIENT,
    representative: Giver = None,
    simulate: Simulate = False,
    by: By = "operator",
) -> None:
    """Give a person a level, in place of what they had. What it takes away is retracted at once, what it adds is delivered."""
    from gateway import consent

    terms = _terms(class_, since, until, data_from, data_until, basis, representative)
    _known(context, client, person, class_)

    def change(gateway: Gateway, org: int) -> object:
        return consent.set_grant(gateway, org, client=client, person=person, level=level.value, granted_by=by, **terms)

    periods = {"at": terms["valid_from"], "ends": terms["valid_to"]}
    decide(context, client, level.value, change, simulate=simulate, person=person, **periods)


@app.command(name="simulate")
def simulate_level(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: LevelArgument,
    class_: Classes = None,
    since: Since = None,
    until: Until = None,
    data_from: DataSince = None,
    data_until: DataUntil = None,
    basis: BasisOption = Basis.CLIENT,
    representative: Giver = None,
    json: Json = False,
) -> None:
    """Tell what setting a right would deliver and take back, per class; other changes take --simulate. Nothing is saved."""
    from gateway.insight.simulate import simulate

    terms = _terms(class_, since, until, data_from, data_until, basis, representative)
    _known(context, client, person, class_)
    with opened(context) as (installation, org):
        show(simulate(installation.gateway, org, client=client, person=person, level=level.value, **terms), json)


def _terms(
    classes: list[str] | None,
    since: str | None,
    until: str | None,
    data_from: str | None,
    data_until: str | None,
    basis: Basis,
    representative: str | None,
) -> Terms:
    return {
        "classes": classes,
        "basis": basis.value,
        "representative": representative,
        "valid_from": start(since, "--from"),
        "valid_to": end(until, "--until"),
        "data_from": start(data_from, "--data-from"),
        "data_to": end(data_until, "--data-until"),
    }


def _known(context: typer.Context, client: str, person: str, classes: list[str] | None) -> None:
    """Refuse what is mistyped, before anything is saved or told."""
    with opened(context) as (installation, org):
        known_classes(installation.gateway, org, classes)
        refuse_a_stranger(installation.gateway, org, client, person)


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
    simulate: Simulate = False,
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

    def change(gateway: Gateway, org: int) -> object:
        return consent.change_grant(gateway, org, client=client, person=person, by=by, **parts)

    decide(context, client, "changed", change, simulate=simulate, person=person, ends=parts.get("valid_to"))


for part in (standing, forbid, review, ask):
    part.register(app)
app.add_typer(representation.app, name="representation", short_help="Who may act for a client.")
