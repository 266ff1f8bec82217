"""``zorgsluis link code`` and its like: linking by a letter, how far that has come, and the care pages that came of it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from api.cli.moments import AMSTERDAM
from api.cli.rights import By, ClientArgument, OnlyClient, PersonArgument, known_classes, only_portal
from api.cli.shared import Json, line, opened, table

LEVELS = ("none", "basic", "private-medical")
PortalOption = Annotated[str | None, typer.Option(help="The portal's code; not needed when there is one.", metavar="CODE")]
PageArgument = Annotated[UUID, typer.Argument(help="The page's number: zorgsluis link page list.", metavar="PAGE")]

pages = typer.Typer(help="Care pages and who administers them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to ``zorgsluis link``."""
    app.command()(code)
    app.command()(revoke)
    app.command()(states)
    app.add_typer(pages, name="page", short_help="Care pages.")


def code(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    level: Annotated[
        str, typer.Option(help="The level that begins when the code is used: none, basic or private-medical.", metavar="LEVEL")
    ] = "none",
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class; may be given more than once.", metavar="NAME")
    ] = None,
    portal: PortalOption = None,
    by: By = "operator",
) -> None:
    """Make the code for a letter and print it, this once. It works once, for six weeks; an earlier one that wasn't used is withdrawn."""
    from gateway.consent.codes import issue_code
    from gateway.insight.simulate import simulate_letter

    if level not in LEVELS:
        raise typer.BadParameter(f"no level is called {level!r}; there are: {', '.join(LEVELS)}", param_hint="--level")
    with opened(context) as (installation, org):
        known_classes(installation.gateway, org, class_)
        place = only_portal(installation, org, portal)
        made = issue_code(
            installation.gateway, org, client=client, person=person, portal=place, level=level, classes=class_, by=by
        )
        told = None if level == "none" else simulate_letter(installation.gateway, org, place, client, person, level, class_)
    typer.echo(made.code)
    last = made.expires_at.astimezone(AMSTERDAM).date()
    typer.echo(f"works until {last}; it isn't shown again, and goes to the address known at the provider", err=True)
    if not made.acquainted:
        note_stranger(person)
    for warned in told.warnings if told else ():
        typer.echo(f"note: {warned.en}", err=True)


def note_stranger(person: str) -> None:
    """Say that the source knows nobody of this number: it may be mistyped, or somebody else's."""
    typer.echo(f"note: the ECD gave no relation {person} for this client; is the number right?", err=True)


def revoke(
    context: typer.Context, client: ClientArgument, person: PersonArgument, portal: PortalOption = None, by: By = "operator"
) -> None:
    """Withdraw a person's code that wasn't used."""
    from gateway.consent.codes import revoke_codes

    with opened(context) as (installation, org):
        place = only_portal(installation, org, portal)
        count = revoke_codes(installation.gateway, org, client=client, person=person, portal=place, by=by)
    typer.echo("withdrawn" if count else "no unused code: nothing to withdraw")


def states(context: typer.Context, client: OnlyClient = None, json: Json = False) -> None:
    """List for each client and portal: not-linked, invited (with the days), active, or unknown."""
    from gateway.consent.states import client_states

    with opened(context) as (installation, org):
        found = client_states(installation.gateway, org, client)
    if json:
        for one in found:
            line(one)
        return
    rows: list[list[object]] = [[one.client, one.portal, one.state, "" if one.days is None else one.days] for one in found]
    table(["client", "portal", "state", "days"], rows)


@pages.command(name="list")
def list_pages(context: typer.Context, client: OnlyClient = None, json: Json = False) -> None:
    """List the care pages, closed ones too."""
    from gateway.consent.pages import care_pages

    with opened(context) as (installation, org):
        found = care_pages(installation.gateway, org, client)
    if json:
        for one in found:
            line(one)
        return
    rows: list[list[object]] = [
        [one.page, one.portal, one.client, one.administrator or "", "closed" if one.closed_at else "open"] for one in found
    ]
    table(["page", "portal", "client", "administrator", "state"], rows)


@pages.command(name="hand-over")
def hand_over_page(context: typer.Context, page: PageArgument, person: PersonArgument, by: By = "operator") -> None:
    """Make another linked person the administrator of a page."""
    from gateway.consent.pages import hand_over

    with opened(context) as (installation, org):
        hand_over(installation.gateway, org, page=page, person=person, by=by)
    typer.echo(f"administrator: {person}")


@pages.command(name="close")
def close(context: typer.Context, page: PageArgument, by: By = "operator") -> None:
    """Close a page: nobody administers rights over it any more. Links and rights stay as they are."""
    from gateway.consent.pages import close_page

    with opened(context) as (installation, org):
        close_page(installation.gateway, org, page=page, by=by)
    typer.echo("closed")
