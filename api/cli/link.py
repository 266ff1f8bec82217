"""``zorgsluis link``: which person is linked to which client at which portal."""

from __future__ import annotations

from typing import Final

import typer

from api.cli import letters
from api.cli.letters import PortalOption, note_stranger
from api.cli.lookups import looked_at
from api.cli.rights import By, ClientArgument, OnlyClient, PersonArgument, carried_out, known_links, only_portal
from api.cli.shared import Json, line, opened, table

app = typer.Typer(help="Links between persons and clients at a portal.", no_args_is_help=True)
letters.register(app)

RELATED: Final = "select related_rid is not null as related from link where member = %s"


@app.command()
def add(
    context: typer.Context, client: ClientArgument, person: PersonArgument, portal: PortalOption = None, by: By = "operator"
) -> None:
    """Link a person to a client and print the member. Nothing is shown until a level is granted."""
    from gateway import consent

    with opened(context) as (installation, org):
        code = only_portal(installation, org, portal)
        with carried_out(installation.gateway, org, client) as gateway:
            member = consent.link(gateway, org, portal=code, client=client, person=person, by=by)
            typer.echo(member)
            with gateway.database.transaction(org) as db:
                found = db.execute(RELATED, (member,)).fetchone()
    if found is not None and not found.related and client.rpartition(":")[2] != person:
        note_stranger(person)


@app.command()
def end(
    context: typer.Context, client: ClientArgument, person: PersonArgument, portal: PortalOption = None, by: By = "operator"
) -> None:
    """End a link: everything that was delivered over it is retracted at once."""
    from gateway import consent

    with opened(context) as (installation, org):
        code = only_portal(installation, org, portal)
        before = known_links(installation.gateway, org, client, person)
        with carried_out(installation.gateway, org, client) as gateway:
            change = consent.unlink(gateway, org, portal=code, client=client, person=person, by=by)
            active = any((found.portal, found.state) == (code, "active") for found in before)
            typer.echo(f"ended: {change.retracting} to retract" if active else "no active link: nothing to do")


@app.command(name="list")
def list_links(
    context: typer.Context,
    client: OnlyClient = None,
    json: Json = False,
    by: By = "operator",
) -> None:
    """List the links with their level."""
    from gateway import consent

    with opened(context) as (installation, org):
        links = consent.links(installation.gateway, org, client)
        looked_at(installation.gateway, org, "links", client, by)
    if json:
        for found in links:
            line(found)
        return
    rows: list[list[object]] = [[l.portal, l.client, l.person, l.member, l.state, l.level] for l in links]  # noqa: E741
    table(["portal", "client", "person", "member", "state", "level"], rows)
