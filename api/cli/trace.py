"""``zorgsluis trace``: where one record or resource has been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.refs import record_or_resource_ref
from api.cli.shared import Json, line, opened, table

if TYPE_CHECKING:
    from gateway.trace import Element, Hop, Trace

WHOLE_RECORD = "the record as a whole"


def trace(
    context: typer.Context,
    ref: Annotated[
        str,
        typer.Argument(
            help="Type/id of a resource, or 'system/stream#key' of a source record.",
            callback=record_or_resource_ref,
            metavar="REF",
        ),
    ],
    json: Json = False,
) -> None:
    """Show every hop of a record, who has it now and why, and the source field that each element came from."""
    from gateway.trace import trace as follow

    with opened(context) as (installation, org):
        traces = follow(installation.gateway, org, ref)
    for found in traces:
        if json:
            line(found)
        else:
            _show(found)


def _show(found: Trace) -> None:
    """Print the record, and below it each resource that it became."""
    typer.echo(f"record {found.record}")
    _hops([hop for hop in found.hops if hop.resource is None])
    if found.record.startswith("*/"):
        typer.echo("  made by the gateway itself, from links and rights")
    for resource in dict.fromkeys([hop.resource for hop in found.hops if hop.resource] + [e.resource for e in found.elements]):
        typer.echo(f"\n{resource}")
        _hops([hop for hop in found.hops if hop.resource == resource])
        for one in found.standings:
            if one.resource == resource:
                facts = [one.code, one.projection or "", one.error or ""]
                typer.echo(f"  now  {one.state:<10}  {one.member} at {one.portal}: {', '.join(filter(None, facts))}")
        _elements([element for element in found.elements if element.resource == resource])
    if found.others:
        typer.echo(f"\nthe record became {found.others} more: zorgsluis trace '{found.record}'")


def _hops(hops: list[Hop]) -> None:
    for hop in hops:
        facts = " ".join(f"{name}={value}" for name, value in hop.detail.items() if value not in (None, []) and name != "issues")
        typer.echo(f"  {hop.at:%Y-%m-%d %H:%M:%S}Z  {hop.step:<11}  {facts}")
        for issue in hop.detail.get("issues", []):
            said = " ".join(f"{name}={value}" for name, value in issue.items() if value not in (None, ""))
            typer.echo(f"{'':<24}issue        {said}")


def _elements(elements: list[Element]) -> None:
    rows: list[list[object]] = [
        [element.path, WHOLE_RECORD if element.source == "." else element.source or f"({element.origin})", element.row]
        for element in elements
    ]
    if rows:
        table(["element", "source field", "mapping row"], rows, indent="  ")
