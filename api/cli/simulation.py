"""How a simulation is told: in both languages, with what can't be undone, and per class."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from api.cli.moments import AMSTERDAM
from api.cli.shared import line, table

if TYPE_CHECKING:
    from gateway.insight.simulate import Simulation

COLUMNS = ["delivering", "retracting", "narrowing", "cancelling", "staying"]


def show(told: Simulation, json: bool = False) -> None:
    """Print what a change would do."""
    if json:
        line({**asdict(told), "total": asdict(told.total), "classes": {name: asdict(one) for name, one in told.classes.items()}})
        return
    if told.at is not None:
        at = f"{told.at.astimezone(AMSTERDAM):%Y-%m-%d %H:%M}"
        typer.echo(f"nl  Nu gebeurt er niets; op {at}:\nen  Nothing happens now; at {at}:")
    typer.echo(f"nl  {told.nl}\nen  {told.en}")
    for warned in told.warnings:
        typer.echo(f"nl  {warned.nl}\nen  {warned.en}")
    if told.effects:
        table(["class", *COLUMNS], [[name, *(getattr(one, column) for column in COLUMNS)] for name, one in told.classes.items()])
    if told.end is not None:
        at = f"{told.end.at.astimezone(AMSTERDAM):%Y-%m-%d %H:%M}"
        typer.echo(f"nl  Als het afloopt, op {at}: {told.end.nl}\nen  When it ends, at {at}: {told.end.en}")
