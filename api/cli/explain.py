"""``zorgsluis explain``: why a member sees, or does not see, a resource."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.refs import member_ref, resource_ref
from api.cli.shared import Json, line, opened


def explain(
    context: typer.Context,
    member: Annotated[
        str, typer.Argument(help="The member (uuid), as `link list` shows it.", callback=member_ref, metavar="MEMBER")
    ],
    ref: Annotated[str, typer.Argument(help="The resource: Type/id.", callback=resource_ref, metavar="REF")],
    json: Json = False,
) -> None:
    """Say in Dutch and English why a member sees or does not see a resource. The question itself is audited."""
    from gateway.explain import explain as ask

    with opened(context) as (installation, org):
        answer = ask(installation.gateway, org, member, ref)
    if json:
        line(answer)
        return
    typer.echo(f"{answer.code}{f' ({answer.projection})' if answer.projection else ''}")
    typer.echo(f"nl  {answer.nl}\nen  {answer.en}")
    for decided in answer.deciding:
        typer.echo("on  " + ", ".join(f"{name} {_plain(value)}" for name, value in decided.items() if value not in (None, [])))


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
