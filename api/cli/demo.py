"""``zorgsluis demo``: see the main job done on realistic input."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import Options


def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop at the end instead of staying up.")] = False,
    clients: Annotated[int, typer.Option(min=2, max=20000, help="Clients of the sample organisation.")] = 200,
    days: Annotated[int, typer.Option(min=7, max=730, help="Days of history.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed is another organisation.")] = 7,
    lie: Annotated[
        str | None, typer.Option(help="Plant a lie before the comparison, to see that it is found (exit 4).", metavar="LIE")
    ] = None,
) -> None:
    """Start a sample ECD, a sample portal, a database and the gateway; sync, change, sync again, lower a right; judge."""
    from api.demonstration.lies import LIES
    from api.demonstration.stage import Wishes, play

    if lie is not None and lie not in LIES:
        raise typer.BadParameter(f"no lie is called {lie!r}; there are: {', '.join(LIES)}", param_hint="--lie")

    options: Options = context.obj
    wishes = Wishes(once=once, clients=clients, days=days, seed=seed, lie=lie)
    raise typer.Exit(play(wishes, options.state))
