"""``zorgsluis explain``: why a member sees, or does not see, a resource."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import Json, line, opened


def explain(
    context: typer.Context,
    member: Annotated[str, typer.Argument(help="The member (uuid), as in the portal's address.")],
    ref: Annotated[str, typer.Argument(help="The resource: Type/id.")],
    json: Json = False,
) -> None:
    """Say in Dutch and English why a member sees or does not see a resource. The question itself is audited."""
    from gateway.explain import explain as ask

    with opened(context) as (installation, org):
        answer = ask(installation.gateway, org, member, ref)
    if json:
        line(answer)
        return
    typer.echo(f"{answer.code}\nnl  {answer.nl}\nen  {answer.en}")
