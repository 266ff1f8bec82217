"""``zorgsluis sync``: one run of the main job, now."""

from __future__ import annotations

import typer

from api.cli.shared import Json, line, opened

EXIT_ASIDE, EXIT_COULD_NOT_RUN, EXIT_LOSS = 1, 3, 4


def sync(context: typer.Context, json: Json = False) -> None:
    """Read all sources, map, store, disclose and deliver, now; print both ledgers."""
    from api.report import report, set_aside
    from api.runs import failures
    from gateway.accounting import ledgers
    from gateway.flow import Flow
    from gateway.sources import source_ids
    from schedules.threads import Threads

    with opened(context) as (installation, org), Threads() as each:
        gateway = installation.gateway
        flow = Flow(gateway=gateway, org=org, each=each, progress=lambda *_: None)
        runs = flow.run(source_ids(gateway, org))
        found, failed = ledgers(gateway, org), failures(gateway, org, runs)
    if json:
        line(found)
    else:
        report(found, typer.echo)
    for failure in failed:
        typer.echo(failure.text, err=True)
    if not found.balanced:
        raise typer.Exit(EXIT_LOSS)
    if failed:
        raise typer.Exit(EXIT_COULD_NOT_RUN if all(failure.whole for failure in failed) else EXIT_ASIDE)
    if set_aside(found):
        raise typer.Exit(EXIT_ASIDE)
