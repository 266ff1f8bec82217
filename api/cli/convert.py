"""``zorgsluis convert``: HL7 v2 in, FHIR out, one JSON line a message."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.inputs import Files, Inputs
from api.cli.shared import EXIT_ASIDE, line, opened

if TYPE_CHECKING:
    from api.conversion import Conversion, Conversions

Source = Annotated[
    str | None, typer.Option(help="Map as this source is mapped now, with its ids; else by the maps that ship.", metavar="NAME")
]


def convert(context: typer.Context, files: Files, source: Source = None) -> None:
    """Print one JSON line for each message in the files: what intake would answer, the outcome, issues and a transaction Bundle.

    Reads plain HL7 v2, MLLP captures, FHS/BHS batches and several messages in a file. The lines hold care data. Nothing is kept.
    """
    from gateway.er7 import units

    inputs, converting = Inputs(files), conversions(context, source)
    aside = False
    for name, data in inputs:
        for unit in units(data):
            made = converting.of(unit)
            line(_line(name, made))
            aside |= made.outcome == "quarantined"
    inputs.finish()
    if aside:
        raise typer.Exit(EXIT_ASIDE)


def _line(name: str, made: Conversion) -> dict[str, Any]:
    return {
        "file": name,
        "index": made.index,
        "ack": made.ack,
        "outcome": made.outcome,
        "issues": [asdict(issue) for issue in made.issues],
        "bundle": made.bundle(),
    }


def conversions(context: typer.Context, source: str | None) -> Conversions:
    """Return what converts: by what ships and a fixed namespace, or as a source of the installation.

    Raises:
        NotFound: the organisation has no source of that name.
    """
    from zoneinfo import ZoneInfo

    from api.conversion import Conversions
    from gateway.mapping.versions import active, compile_shipped
    from gateway.mapping.workbench import source_named

    if source is None:
        return Conversions(maps=compile_shipped("hl7v2"))
    with opened(context) as (installation, org), installation.gateway.database.transaction(org) as db:
        row = source_named(db, source)
        ids = installation.gateway.keys(org).ids()
        return Conversions(maps=active(db, row.id), ids=ids, system=row.system, zone=ZoneInfo(row.zone))
