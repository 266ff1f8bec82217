"""``zorgsluis messages``: what was journalled, without a word of what it says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from api.cli.shared import Json, line, opened, table

STATES: Final = ("waiting", "mapped", "deleted", "quarantined", "set-aside")

app = typer.Typer(help="Journalled messages.", no_args_is_help=True)

Message = Annotated[int, typer.Argument(help="The message's number, as `messages list` shows it.", metavar="ID")]
Source = Annotated[str | None, typer.Option(help="Only of this source.", metavar="CODE")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")]


@app.command(name="list")
def list_messages(
    context: typer.Context,
    source: Source = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind: adt, oru, report, …", metavar="KIND")] = None,
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(STATES)}.", metavar="STATE")] = None,
    control_id: Annotated[
        str | None, typer.Option(help="Only with this control id (MSH-10), or this key of the record.", metavar="ID")
    ] = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """List journalled messages, the newest first."""
    from gateway.messages import messages

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"there is no state {state!r}; there are: {', '.join(STATES)}", param_hint="--state")
    with opened(context) as (installation, org):
        found = messages(installation.gateway, org, source=source, kind=kind, state=state, control_id=control_id, limit=limit)
    if json:
        for one in found:
            line(one)
        return
    rows: list[list[object]] = [
        [m.id, m.source, m.kind, m.key, f"{m.received_at:%Y-%m-%d %H:%M:%S}Z", m.state, m.reason or "-", m.version or "-"]
        for m in found
    ]
    table(["id", "source", "kind", "key", "received", "state", "reason", "version"], rows)


@app.command()
def show(context: typer.Context, message: Message, json: Json = False) -> None:
    """Show one message: where it came from, what became of it, and the resources that its record yields now."""
    from gateway.messages import message as find

    with opened(context) as (installation, org):
        found = find(installation.gateway, org, message)
    if json:
        line(found)
        return
    facts: dict[str, Any] = asdict(found)
    resources = facts.pop("resources")
    for name, value in facts.items():
        if value is not None:
            typer.echo(f"{name.replace('_', ' '):<12} {value}")
    for resource in resources:
        typer.echo(f"{'resource':<12} {resource}")
