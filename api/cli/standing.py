"""``zorgsluis grant withdraw`` and its like: what becomes of a right after it was set."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.periods import end
from api.cli.rights import By, ClientArgument, PersonArgument, changing_rights, told


def register(app: typer.Typer) -> None:
    """Add these commands to ``zorgsluis grant``."""
    app.command()(withdraw)
    app.command()(suspend)
    app.command()(resume)
    app.command(name="end")(expire)
    app.command()(confirm)


def withdraw(
    context: typer.Context,
    client: ClientArgument,
    person: Annotated[str | None, typer.Argument(help="The person; with --everybody nobody.", metavar="[PERSON]")] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Withdraw the rights of everybody.")] = False,
    by: By = "operator",
) -> None:
    """Withdraw a person's rights, or everybody's: nothing of it stays at any portal that can take it back."""
    from gateway import consent

    if (person is None) is not everybody:
        raise typer.BadParameter("name a person, or say --everybody", param_hint="PERSON")
    with changing_rights(context) as (gateway, org):
        told("withdrawn", consent.withdraw(gateway, org, client=client, person=person, by=by))


def suspend(context: typer.Context, client: ClientArgument, person: PersonArgument, by: By = "operator") -> None:
    """Set a person's rights aside: what was delivered is retracted until they are resumed."""
    from gateway import consent

    with changing_rights(context) as (gateway, org):
        told("suspended", consent.suspend(gateway, org, client=client, person=person, by=by))


def resume(context: typer.Context, client: ClientArgument, person: PersonArgument, by: By = "operator") -> None:
    """Let a person's suspended rights hold again."""
    from gateway import consent

    with changing_rights(context) as (gateway, org):
        told("resumed", consent.reinstate(gateway, org, client=client, person=person, by=by))


def expire(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    last: Annotated[str | None, typer.Option("--on", help="Its last day, or a moment; else now.", metavar="DAY")] = None,
    by: By = "operator",
) -> None:
    """End the validity of a person's rights, now or at the end of a day to come."""
    from gateway import consent

    ends = end(last, "--on")
    with changing_rights(context) as (gateway, org):
        told("ended" if ends is None else "will end", consent.expire(gateway, org, client=client, person=person, at=ends, by=by))


def confirm(context: typer.Context, client: ClientArgument, person: PersonArgument, by: By = "operator") -> None:
    """Confirm a right that a parent gave, after the client turned 12 or 16: who then decides has said so."""
    from gateway import consent

    with changing_rights(context) as (gateway, org):
        told("confirmed", consent.confirm(gateway, org, client=client, person=person, by=by))
