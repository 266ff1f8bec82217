"""``zorgsluis quarantine deletions``: deletions that were held because too much vanished at once, and what a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.shared import EXIT_ASIDE, Json, line, opened, table

if TYPE_CHECKING:
    from gateway.reading.held import HeldDeletions

app = typer.Typer(help="Deletions that were held: too much of a stream vanished at once.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="The source's code.", metavar="SOURCE")]
Stream = Annotated[str, typer.Argument(help="The stream, as the list names it.", metavar="STREAM")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which records it is about; nothing is changed.")]
By = Annotated[str, typer.Option(help="Who decides, for the trail.", metavar="WHO")]


@app.command(name="list")
def list_held(context: typer.Context, json: Json = False) -> None:
    """List what is held now, a line for each stream; exit 1 when there is something."""
    from gateway.reading.held import held_deletions

    with opened(context) as (installation, org):
        found = held_deletions(installation.gateway, org)
    if json:
        for one in found:
            line(one)
    else:
        rows = [[one.source, one.stream, one.run, f"{one.held_at:%Y-%m-%d %H:%M}Z", one.records, one.known] for one in found]
        table(["source", "stream", "run", "held", "vanished", "of"], [list[object](row) for row in rows])
    raise typer.Exit(EXIT_ASIDE if found else 0)


@app.command()
def release(
    context: typer.Context, source: Source, stream: Stream, dry_run: DryRun = False, by: By = "operator", json: Json = False
) -> None:
    """Delete after all what the source no longer has: the flow takes it back at the portals."""
    from gateway.reading.held import one_held, release_deletions

    with opened(context) as (installation, org):
        if dry_run:
            _show(one_held(installation.gateway, org, source, stream), "would be deleted", json, keys=True)
            return
        found = release_deletions(installation.gateway, org, source, stream, by=by)
    _show(found, "are deleted with the next slot, or zorgsluis sync", json)


@app.command()
def refuse(
    context: typer.Context, source: Source, stream: Stream, dry_run: DryRun = False, by: By = "operator", json: Json = False
) -> None:
    """Let what the source didn't give stay; the next run judges anew."""
    from gateway.reading.held import one_held, refuse_deletions

    with opened(context) as (installation, org):
        if dry_run:
            _show(one_held(installation.gateway, org, source, stream), "would stay", json, keys=True)
            return
        found = refuse_deletions(installation.gateway, org, source, stream, by=by)
    _show(found, "stay", json)


def _show(found: HeldDeletions, what: str, json: bool, *, keys: bool = False) -> None:
    if json:
        line(found)
        return
    typer.echo(f"{found.source} {found.stream}: {found.records} records {what}")
    for key in found.keys if keys else ():
        typer.echo(f"  {found.stream}#{key}")
