"""``zorgsluis trace``: where one record or resource has been."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import Json, line, opened


def trace(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(help="Type/id of a resource, or system/stream#key of a source record.")],
    json: Json = False,
) -> None:
    """Show every hop of a record, and the source field that each element came from."""
    from gateway.trace import trace as follow

    with opened(context) as (installation, org):
        traces = follow(installation.gateway, org, ref)
    for found in traces:
        if json:
            line(found)
            continue
        typer.echo(found.record)
        for hop in found.hops:
            facts = " ".join(f"{name}={value}" for name, value in hop.detail.items() if value not in (None, []))
            typer.echo(f"  {hop.at:%Y-%m-%d %H:%M:%S}Z  {hop.step:<12} {facts}")
        for element in found.elements:
            typer.echo(f"  {element.resource} {element.path} <- {element.source or element.origin} ({element.row})")
