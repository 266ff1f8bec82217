"""What the commands share: their common options, how they open the installation, and how they print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.jsonbytes import dumps

Json = Annotated[bool, typer.Option("--json", help="JSON lines, for programs.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options before the command."""

    config: Path | None
    state: Path | None
    org: str | None


@contextmanager
def opened(context: typer.Context) -> Iterator[Any]:
    """Yield (installation, organisation number) for the options given."""
    from api.opening import open_installation

    options: Options = context.obj
    with open_installation(options.config, state=options.state) as installation:
        yield installation, installation.org(options.org)


def line(value: Any) -> None:
    """Print one JSON line."""
    typer.echo(dumps(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value))


def table(headers: list[str], rows: list[list[object]]) -> None:
    """Print columns as wide as their widest cell, numbers to the right, plain enough for grep."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(headers, *cells, strict=True)]
    for row in [headers, *cells]:
        parts = [cell.rjust(width) if cell.isdigit() else cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo("  ".join(parts).rstrip())
