"""The commands by name. Each is imported when it is used: ``zorgsluis --help`` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli import (
    audit,
    bench,
    check,
    classes,
    convert,
    db,
    demo,
    explain,
    grant,
    insight,
    link,
    mapping,
    messages,
    quarantine,
    schedule,
    serve,
    sync,
    trace,
    verify,
)
from api.cli.shared import Options

app = typer.Typer(
    name="zorgsluis",
    help="FHIR/HL7 gateway and sync middleware for Dutch long-term and home care.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    # Plain help and errors: they go through grep, and cost a third of the time.
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"zorgsluis {version('zorgsluis')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="The configuration; else ZORGSLUIS_CONFIG or the state's.", metavar="FILE"),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="The state folder; else ZORGSLUIS_STATE or the system's.", metavar="FOLDER")
    ] = None,
    org: Annotated[str | None, typer.Option(help="The organisation's code, when there are several.", metavar="CODE")] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Read the options that every command has."""
    context.obj = Options(config=config, state=state, org=org)


app.command(short_help="See the main job done on realistic input.")(demo.demo)
app.command(short_help="Run the gateway: slots, retries, the sync page.")(serve.serve)
app.command(short_help="Read, map, store, disclose and deliver, now.")(sync.sync)
app.command(short_help="Is this HL7 v2 right, and what becomes of it.")(check.check)
app.command(short_help="HL7 v2 files to FHIR, one JSON line a message.")(convert.convert)
app.command(short_help="Every hop of a record, the source of each element.")(trace.trace)
app.command(short_help="Why a member sees something, or not.")(explain.explain)
app.command(short_help="Check the invariants on the live database.")(verify.verify)
app.command(short_help="The class maps, and what no map names.")(classes.classes)
app.add_typer(link.app, name="link", short_help="Who is linked to which client.")
insight.register(grant.app)
app.add_typer(grant.app, name="grant", short_help="What a person may see.")
app.add_typer(schedule.app, name="schedule", short_help="The slots to come, and those that were.")
app.add_typer(mapping.app, name="mapping", short_help="The maps of a source and their versions.")
app.add_typer(messages.app, name="messages", short_help="Journalled messages.")
app.add_typer(quarantine.app, name="quarantine", short_help="Messages that were set aside.")
app.add_typer(audit.app, name="audit", short_help="Who did what with whose data.")
app.add_typer(db.app, name="db", short_help="The database's schema.")
app.add_typer(bench.app, name="bench", short_help="How fast it is.")
