"""``zorgsluis sync``: one run of the main job, now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.shared import Json, line, opened

if TYPE_CHECKING:
    from gateway.accounting import Ledgers


def sync(
    context: typer.Context,
    json: Json = False,
    retry_parked: Annotated[bool, typer.Option("--retry-parked", help="Also offer again what a portal refused before.")] = False,
    clock: Annotated[
        datetime | None, typer.Option(help="Begin the clock at this UTC instant (tests and demonstrations).", hidden=True)
    ] = None,
) -> None:
    """Read all sources, map, store, disclose and deliver, now; print both ledgers, and on standard error what went wrong."""
    from api.report import report
    from api.runs import aside, exit_code, failures, portal_failures
    from gateway.accounting import ledgers
    from gateway.flow import Flow
    from gateway.logs import configure
    from gateway.outbox import parked, release
    from gateway.sources import source_ids
    from schedules.threads import Threads

    configure()
    with opened(context, clock, apply=True) as (installation, org), Threads() as each:
        gateway = installation.gateway
        if retry_parked:
            each(lambda row: release(gateway, org, row), [one.id for one in parked(gateway, org)])
        flow = Flow(gateway=gateway, org=org, each=each, progress=lambda *_: None)
        runs = flow.run(source_ids(gateway, org))
        found, left = ledgers(gateway, org), aside(gateway, org)
        failed = [*failures(gateway, org, runs), *portal_failures(gateway, org, runs)]
    if json:
        for counted in ledger_lines(found):
            line(counted)
    else:
        report(found, typer.echo)
    for text in [*(failure.text for failure in failed), *left]:
        typer.echo(text, err=True)
    raise typer.Exit(exit_code(found, failed, left))


def ledger_lines(found: Ledgers) -> Iterator[dict[str, Any]]:
    """Yield one object per line of the ledgers; ``ledger`` says which, ``balanced`` whether it adds up."""
    for record in found.records:
        yield {"ledger": "records", **asdict(record), "balanced": record.balanced}
    for pair in found.disclosure:
        yield {"ledger": "disclosure", **asdict(pair), "balanced": pair.balanced}
    for pair in found.directory:
        yield {"ledger": "directory", **asdict(pair)}
    for kind, count in found.not_linked.items():
        yield {"ledger": "not-linked", "kind": kind, "resources": count}
