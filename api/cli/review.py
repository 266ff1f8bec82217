"""``zorgsluis grant review``: what people have to look at, because time or somebody's mandate changed who decides."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from api.cli.moments import AMSTERDAM
from api.cli.rights import By, OnlyClient
from api.cli.shared import Json, line, opened, table


def register(app: typer.Typer) -> None:
    """Add these commands to ``zorgsluis grant``."""
    app.command(name="review")(review_list)
    app.command()(settle)


def review_list(
    context: typer.Context,
    client: OnlyClient = None,
    json: Json = False,
) -> None:
    """List open tasks, and the birthdays, mandates and rights of the coming 30 days. Nothing is changed by looking."""
    from gateway import consent

    with opened(context) as (installation, org):
        found = consent.review(installation.gateway, org, client)
    if json:
        for one in found:
            line(one)
        return
    rows: list[list[object]] = [
        [
            *(one.task or "", one.what, one.client or "", " ".join(one.persons), one.portal or ""),
            *("" if one.items is None else one.items, one.about, _day(one.due_at)),
        ]
        for one in found
    ]
    table(["task", "what", "client", "persons", "portal", "items", "about", "on"], rows)


def settle(
    context: typer.Context, task: Annotated[int, typer.Argument(help="The task's number.", metavar="TASK")], by: By = "operator"
) -> None:
    """Close a task that was dealt with. One whose cause is still there is opened again."""
    from gateway import consent

    with opened(context) as (installation, org):
        consent.close_task(installation.gateway, org, task, by=by)
    typer.echo("settled")


def _day(at: datetime | None) -> str:
    return "" if at is None else str(at.astimezone(AMSTERDAM).date())
