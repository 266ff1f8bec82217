"""``zorgsluis sync``: one run of the main job, now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from api.cli.shared import EXIT_ASIDE, EXIT_COULD_NOT_RUN, EXIT_LOSS, Json, line, opened

if TYPE_CHECKING:
    from gateway.accounting import Ledgers


def sync(context: typer.Context, json: Json = False) -> None:
    """Read all sources, map, store, disclose and deliver, now; print both ledgers, and on standard error what went wrong."""
    from api.report import report, set_aside
    from api.runs import failures, portal_trouble
    from gateway.accounting import ledgers
    from gateway.flow import Flow
    from gateway.sources import source_ids
    from schedules.threads import Threads

    with opened(context) as (installation, org), Threads() as each:
        gateway = installation.gateway
        flow = Flow(gateway=gateway, org=org, each=each, progress=lambda *_: None)
        runs = flow.run(source_ids(gateway, org))
        found, failed, trouble = ledgers(gateway, org), failures(gateway, org, runs), portal_trouble(gateway, org)
    if json:
        for counted in ledger_lines(found):
            line(counted)
    else:
        report(found, typer.echo)
    for text in [*(failure.text for failure in failed), *trouble]:
        typer.echo(text, err=True)
    if not found.balanced:
        raise typer.Exit(EXIT_LOSS)
    if failed and all(failure.whole for failure in failed):
        raise typer.Exit(EXIT_COULD_NOT_RUN)
    if failed or trouble or set_aside(found):
        raise typer.Exit(EXIT_ASIDE)


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
