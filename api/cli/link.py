"""``zorgsluis link``: which person is linked to which client at which portal."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import Json, line, opened, table

app = typer.Typer(help="Links between persons and clients at a portal.", no_args_is_help=True)
ClientArgument = Annotated[str, typer.Argument(help="The client: the number in the ECD.")]
PersonArgument = Annotated[str, typer.Argument(help="The person: the number of the relation in the ECD.")]
PortalOption = Annotated[str, typer.Option(help="The portal's code.")]


@app.command()
def add(context: typer.Context, client: ClientArgument, person: PersonArgument, portal: PortalOption) -> None:
    """Link a person to a client. Nothing is shown until a level is granted."""
    from gateway import consent

    with opened(context) as (installation, org):
        member = consent.link(installation.gateway, org, portal=portal, client=client, person=person)
    typer.echo(member)


@app.command()
def end(context: typer.Context, client: ClientArgument, person: PersonArgument, portal: PortalOption) -> None:
    """End a link: everything that was delivered over it is retracted at once."""
    from gateway import consent

    with opened(context) as (installation, org):
        consent.unlink(installation.gateway, org, portal=portal, client=client, person=person)


@app.command(name="list")
def list_links(context: typer.Context, json: Json = False) -> None:
    """List the links with their level."""
    from gateway import consent

    with opened(context) as (installation, org):
        links = consent.links(installation.gateway, org)
    if json:
        for found in links:
            line(found)
        return
    rows: list[list[object]] = [[l.portal, l.client, l.person, l.member, l.state, l.level] for l in links]  # noqa: E741
    table(["portal", "client", "person", "member", "state", "level"], rows)
