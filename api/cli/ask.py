"""``zorgsluis grant ask``: a closed question to a register of consents."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.rights import By, ClientArgument
from api.cli.shared import Json, line, opened

if TYPE_CHECKING:
    from api.opening import Installation
    from gateway.consent.asking import Registry


def register(app: typer.Typer) -> None:
    """Add this command to ``zorgsluis grant``."""
    app.command()(ask)


def ask(
    context: typer.Context,
    client: ClientArgument,
    provider: Annotated[str, typer.Option(help="The care provider that asks for data: its URA, 8 digits.", metavar="URA")],
    category: Annotated[str, typer.Option(help="Its type, such as V4.", metavar="CODE")],
    data: Annotated[str, typer.Option(help="The category of data, as the register's catalogue has it.", metavar="CODE")],
    registry: Annotated[
        str | None, typer.Option(help="The register's code; not needed when there is one.", metavar="CODE")
    ] = None,
    by: By = "operator",
    json: Json = False,
) -> None:
    """Ask whether a care provider may get a client's data: permit, deny or indeterminate, which is no permission. It is not kept."""
    from gateway.consent.asking import ask as ask_registry

    with opened(context) as (installation, org):
        place = _registry(installation, org, registry)
        found = ask_registry(
            installation.gateway, org, place, client=client, provider=provider, category=category, data=data, by=by
        )
    if json:
        line(asdict(found))
    else:
        typer.echo(f"{found.decision} ({found.status})")


def _registry(installation: Installation, org: int, given: str | None) -> Registry:
    from gateway.consent.asking import Registry

    code = next(code for code, number in installation.organisations.items() if number == org)
    known = next(one for one in installation.config.organisations if one.code == code).registries
    named = [one for one in known if given in (None, one.code)]
    if len(named) != 1:
        there = ", ".join(one.code for one in known) or "none: add one under registries"
        raise typer.BadParameter(f"name one register; there are: {there}", param_hint="--registry")
    return Registry(code=named[0].code, connector=named[0].connector, settings=named[0].settings)
