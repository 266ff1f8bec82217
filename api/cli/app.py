"""The commands by name. Each is imported when it is used: ``zorgsluis --help`` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli import bench, db, demo, explain, grant, link, schedule, serve, sync, trace, verify
from api.cli.shared import Options

app = typer.Typer(
    name="zorgsluis",
    help="FHIR/HL7 integration gateway and sync middleware for Dutch long-term and home care.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="The configuration file; else ZORGSLUIS_CONFIG, else the one in the state folder.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="The state folder; else ZORGSLUIS_STATE, else the system's own.")] = None,
    org: Annotated[str | None, typer.Option(help="The organisation's code, when there are several.")] = None,
) -> None:
    """Read the options that every command has."""
    context.obj = Options(config=config, state=state, org=org)


app.command()(demo.demo)
app.command()(serve.serve)
app.command()(sync.sync)
app.command()(trace.trace)
app.command()(explain.explain)
app.command()(verify.verify)
app.add_typer(link.app, name="link")
app.add_typer(grant.app, name="grant")
app.add_typer(schedule.app, name="schedule")
app.add_typer(db.app, name="db")
app.add_typer(bench.app, name="bench")
