"""``zorgsluis audit``: the trail of who did what with whose data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.rights import By
from api.cli.shared import EXIT_ASIDE, EXIT_LOSS, Json, line, opened, table

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(help="The trail of who did what with whose data.", no_args_is_help=True)

DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
Since = Annotated[datetime | None, typer.Option(formats=DAYS, help="From this day or UTC moment on.", metavar="WHEN")]
Until = Annotated[datetime | None, typer.Option(formats=DAYS, help="Up to, but not, this day or UTC moment.", metavar="WHEN")]


class Format(StrEnum):
    """How an export is written."""

    FHIR = "fhir"
    TEXT = "text"


@app.command()
def verify(context: typer.Context, json: Json = False) -> None:
    """Recompute every chain of the trail and compare it with the heads outside the database; exit 4 names the first wrong row of each.

    Exit 1 when the heads that should be there aren't, and nothing else is wrong.
    """
    from api.server import AUDIT_HEADS
    from gateway.verify.trail import on_trail, without_heads

    with opened(context) as (installation, org), installation.engine() as engine:
        heads = installation.state / AUDIT_HEADS
        alone = without_heads(engine, org, heads)
        broken = on_trail(engine, org, heads)
    for found in broken:
        if json:
            line(found)
        else:
            typer.echo(f"{found.what}: {', '.join(found.keys)}\n-> {found.remedy}")
    if broken:
        raise typer.Exit(EXIT_LOSS)
    if alone:
        typer.echo(
            f"{heads} has no heads to compare with: put back your copy; serve writes new ones, of what is there now", err=True
        )
        raise typer.Exit(EXIT_ASIDE)
    typer.echo('{"whole":true}' if json else "every chain is whole")


@app.command()
def export(
    context: typer.Context,
    client: Annotated[str, typer.Option(help="The client: the number at its source, or SOURCE:NUMBER.", metavar="CLIENT")],
    since: Since = None,
    until: Until = None,
    form: Annotated[
        Format, typer.Option("--format", help="fhir: an AuditEvent a line; text: a table in Dutch, for the client.")
    ] = Format.FHIR,
    by: By = "operator",
) -> None:
    """Print what was done with one client's data, when, by whom, for whom, and by which permission. The export is itself in the trail."""
    from gateway.audit_export import export as events

    with opened(context) as (installation, org):
        found = events(installation.gateway, org, client=client, since=_utc(since), until=_utc(until), by=by)
        if form is Format.TEXT:
            _print(found)
        else:
            for event in found:
                line(event)


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment and moment.replace(tzinfo=UTC)


def _print(events: Iterable[dict[str, Any]]) -> None:
    from gateway.audit_export import in_dutch

    table(["tijdstip (UTC)", "wat", "gegevens", "door", "voor", "op grond van"], [list(in_dutch(event)) for event in events])
