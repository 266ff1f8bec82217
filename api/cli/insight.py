"""``zorgsluis grant simulate`` and ``grant matrix``: what a right would do before it is given, and who sees what."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.moments import At, moment
from api.cli.rights import ClientArgument, PersonArgument
from api.cli.shared import Json, line, opened, table

if TYPE_CHECKING:
    from gateway.insight.matrix import Cell, Line

LEVELS = ("none", "basic", "private-medical")


def register(app: typer.Typer) -> None:
    """Add these commands to ``zorgsluis grant``."""
    app.command(name="simulate")(simulate_level)
    app.command(name="matrix")(matrix_of_client)


def simulate_level(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: Annotated[str, typer.Argument(help="The level: none, basic or private-medical.", metavar="LEVEL")],
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class; may be given more than once.", metavar="NAME")
    ] = None,
    json: Json = False,
) -> None:
    """Tell what setting a level would deliver and take back, per class. Nothing is saved."""
    from gateway.insight.simulate import simulate

    if level not in LEVELS:
        raise typer.BadParameter(f"no level is called {level!r}; there are: {', '.join(LEVELS)}", param_hint="LEVEL")
    with opened(context) as (installation, org):
        told = simulate(installation.gateway, org, client=client, person=person, level=level, classes=class_)
    if json:
        line({**asdict(told), "total": asdict(told.total), "classes": {name: asdict(one) for name, one in told.classes.items()}})
        return
    typer.echo(f"nl  {told.nl}\nen  {told.en}")
    for warned in told.warnings:
        typer.echo(f"nl  {warned.nl}\nen  {warned.en}")
    if told.effects:
        columns = ["delivering", "retracting", "narrowing", "cancelling", "staying"]
        table(["class", *columns], [[name, *(getattr(one, column) for column in columns)] for name, one in told.classes.items()])


def matrix_of_client(context: typer.Context, client: ClientArgument, at: At = None, json: Json = False) -> None:
    """Show who sees which class: +N items are shown whole, ~N in part, else the reason. The question itself is audited."""
    from gateway.insight.matrix import matrix

    asked = moment(at)
    with opened(context) as (installation, org):
        found = matrix(installation.gateway, org, client, at=asked)
    if json:
        for person in found.lines:
            line({"at": found.at, **asdict(person)})
        return
    headers = ["portal", "person", "state", "level", *found.classes]
    table(headers, [_row(person, found.classes) for person in found.lines])


def _row(person: Line, classes: tuple[str, ...]) -> list[object]:
    return [person.portal, person.person, person.state, person.level, *(_shown(person.cells[class_]) for class_ in classes)]


def _shown(cell: Cell) -> str:
    if cell.code != "grant":
        return cell.code
    return f"{'+' if cell.projection == 'whole' else '~'}{cell.shown}"
