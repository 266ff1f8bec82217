"""``zorgsluis grant matrix``: who sees what."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from api.cli.moments import At, moment
from api.cli.rights import ClientArgument
from api.cli.shared import Json, line, opened, table

if TYPE_CHECKING:
    from gateway.insight.matrix import Cell, Line


def register(app: typer.Typer) -> None:
    """Add these commands to ``zorgsluis grant``."""
    app.command(name="matrix")(matrix_of_client)


def matrix_of_client(context: typer.Context, client: ClientArgument, at: At = None, json: Json = False) -> None:
    """Show who sees which class: +N items are shown whole, ~N in part, else the reason; [N] the portal holds against that reason.

    Below it, for each portal that holds what it shouldn't, why that is still there. The question itself is audited.
    """
    from gateway.insight.matrix import NOTHING_KNOWN, matrix

    asked = moment(at)
    with opened(context) as (installation, org):
        found = matrix(installation.gateway, org, client, at=asked)
    if json:
        for person in found.lines:
            line({"at": found.at, **asdict(person)})
        return
    headers = ["portal", "person", "state", "level", "held", *found.classes]
    table(headers, [_row(person, found.classes) for person in found.lines])
    if not found.classes:
        typer.echo(f"nl  {NOTHING_KNOWN.nl}\nen  {NOTHING_KNOWN.en}")
    for person in found.lines:
        if person.holds is not None and (person.holds.staying or person.holds.untold):
            typer.echo(f"{person.portal} {person.person}\nnl  {person.holds.nl}\nen  {person.holds.en}")


def _row(person: Line, classes: tuple[str, ...]) -> list[object]:
    held = "?" if person.holds is None or person.holds.untold else person.holds.held
    return [person.portal, person.person, person.state, person.level, held, *(_shown(person.cells[class_]) for class_ in classes)]


def _shown(cell: Cell) -> str:
    staying = sum(cell.staying.values())
    held = f"[{staying}]" if staying else ""
    if cell.code != "grant":
        return f"{cell.code}{held}"
    return f"{'+' if cell.projection == 'whole' else '~'}{cell.shown}{held}"
