"""What the commands share: their common options, how they open the installation, and how they print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api.opening import Installation

Json = Annotated[bool, typer.Option("--json", help="JSON lines, for programs.")]
# What one command remembers, however often it opens the installation.
NOTED = "api.cli.shared.noted"
EXIT_ASIDE, EXIT_COULD_NOT_RUN, EXIT_LOSS = 1, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options before the command."""

    config: Path | None
    state: Path | None
    org: str | None


@contextmanager
def opened(context: typer.Context, begin: datetime | None = None, *, apply: bool = False) -> Iterator[tuple[Installation, int]]:
    """Yield (installation, organisation number) for the options given, with the clock begun at a UTC instant if one is given.

    Only with ``apply`` does it take what the configuration says into use; else it tells where something else is.

    Raises:
        typer.BadParameter: ``--org`` is missing while there are several organisations, or names none of them.
    """
    from api.opening import open_installation
    from gateway.clock import shifted_clock
    from gateway.errors import Misconfigured

    options: Options = context.obj
    clock = shifted_clock(begin.replace(tzinfo=UTC)) if begin else None
    with open_installation(options.config, state=options.state, clock=clock, apply=apply) as installation:
        _notes(context, installation)
        known = ", ".join(sorted(installation.organisations))
        if not known:
            raise Misconfigured("the configuration names no organisation; add one under organisations")
        if options.org is None and len(installation.organisations) != 1:
            raise typer.BadParameter(f"there are several organisations, name one: {known}", param_hint="--org")
        if options.org is not None and options.org not in installation.organisations:
            raise typer.BadParameter(f"no organisation is called {options.org!r}; there are: {known}", param_hint="--org")
        yield installation, installation.org(options.org)


def _notes(context: typer.Context, installation: Installation) -> None:
    """Say once where a command goes by something else than the reader may think: a demonstration's time, another configuration."""
    from api.demonstration.clock import has_own_clock

    if context.meta.get(NOTED):
        return
    context.meta[NOTED] = True
    if installation.differing:
        typer.echo(
            f"note: for {', '.join(installation.differing)} the configuration or the maps are not what is in use; this command goes by "
            "what is in use. zorgsluis sync takes them into use, and so does serve when it starts",
            err=True,
        )
    if has_own_clock(installation.state):
        now = f"{installation.gateway.clock():%Y-%m-%d %H:%M} UTC"
        typer.echo(f"note: {installation.state} is a demonstration's, with a clock of its own: it is {now} there", err=True)


def line(value: Any) -> None:
    """Print one JSON line."""
    from gateway.jsonbytes import dumps

    typer.echo(dumps(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value))


def table(headers: list[str], rows: list[list[object]], indent: str = "") -> None:
    """Print columns as wide as their widest cell, numbers to the right, plain enough for grep."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(headers, *cells, strict=True)]
    for row in [headers, *cells]:
        parts = [cell.rjust(width) if cell.isdigit() else cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo(indent + "  ".join(parts).rstrip())
