"""``zorgsluis serve``: run until told to stop: slots, sweeps, the sync page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from api.cli.shared import Options


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the sync page on loopback; 0 takes a free one.")] = 8100,
    clock: Annotated[
        datetime | None, typer.Option(help="Begin the clock at this UTC instant (tests and demonstrations).", hidden=True)
    ] = None,
) -> None:
    """Run the gateway: due slots, retries and retractions, and the sync page on loopback. Ends on SIGINT or SIGTERM."""
    from api.server import run_server
    from gateway.logs import configure

    configure()
    options: Options = context.obj
    run_server(options.config, options.state, port=port, clock_start=clock)
