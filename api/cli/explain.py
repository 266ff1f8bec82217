"""``zorgsluis explain``: why a member sees, or does not see, a resource or a class of information."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.moments import At, moment
from api.cli.refs import member_ref, resource_ref
from api.cli.shared import Json, line, opened


def _optional(text: str | None) -> str | None:
    return None if text is None else resource_ref(text)


def explain(
    context: typer.Context,
    member: Annotated[
        str, typer.Argument(help="The member (uuid), as `link list` shows it.", callback=member_ref, metavar="MEMBER")
    ],
    ref: Annotated[str | None, typer.Argument(help="The resource: Type/id.", callback=_optional, metavar="REF")] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help="Instead of a resource: a class, such as report.", metavar="NAME")
    ] = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Say in Dutch and English why a member sees or does not see a resource, what would turn it round, and what the portal holds.

    The question itself is audited.
    """
    from gateway.insight.explain import explain as ask

    if (ref is None) == (class_ is None):
        raise typer.BadParameter("give either a resource (Type/id) or --class", param_hint="REF")
    asked = moment(at)
    with opened(context) as (installation, org):
        answer = ask(installation.gateway, org, member, ref, class_=class_, at=asked)
    if json:
        line(answer)
        return
    typer.echo(f"{answer.code}{f' ({answer.projection})' if answer.projection else ''}")
    for told in (answer, answer.holds, answer.holds_in_all):
        if told is not None:
            typer.echo(f"nl  {told.nl}\nen  {told.en}")
    for decided in answer.deciding:
        typer.echo("on  " + ", ".join(f"{name} {_plain(value)}" for name, value in decided.items() if value not in (None, [])))


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
