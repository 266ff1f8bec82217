"""``zorgsluis grant withdraw`` and its like: what becomes of a right after it was set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.periods import end
from api.cli.rights import By, ClientArgument, PersonArgument, Simulate, decide

if TYPE_CHECKING:
    from gateway.runtime import Gateway


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
    simulate: Simulate = False,
    by: By = "operator",
) -> None:
    """Withdraw a person's rights, or everybody's: nothing of it stays at any portal that can take it back."""
    from gateway import consent

    if (person is None) is not everybody:
        raise typer.BadParameter("name a person, or say --everybody", param_hint="PERSON")

    def change(gateway: Gateway, org: int) -> object:
        return consent.withdraw(gateway, org, client=client, person=person, by=by)

    decide(context, client, "withdrawn", change, simulate=simulate, person=person)


def suspend(
    context: typer.Context, client: ClientArgument, person: PersonArgument, simulate: Simulate = False, by: By = "operator"
) -> None:
    """Set a person's rights aside: what was delivered is retracted until they are resumed."""
    from gateway import consent

    def change(gateway: Gateway, org: int) -> object:
        return consent.suspend(gateway, org, client=client, person=person, by=by)

    decide(context, client, "suspended", change, simulate=simulate, person=person)


def resume(
    context: typer.Context, client: ClientArgument, person: PersonArgument, simulate: Simulate = False, by: By = "operator"
) -> None:
    """Let a person's suspended rights hold again."""
    from gateway import consent

    def change(gateway: Gateway, org: int) -> object:
        return consent.reinstate(gateway, org, client=client, person=person, by=by)

    decide(context, client, "resumed", change, simulate=simulate, person=person)


def expire(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    last: Annotated[str | None, typer.Option("--on", help="Its last day, or a moment; else now.", metavar="DAY")] = None,
    simulate: Simulate = False,
    by: By = "operator",
) -> None:
    """End the validity of a person's rights, now or at the end of a day to come. A day that has passed is refused."""
    from gateway import consent

    ends = end(last, "--on")

    def change(gateway: Gateway, org: int) -> object:
        return consent.expire(gateway, org, client=client, person=person, at=ends, by=by)

    decide(context, client, "ended" if ends is None else "will end", change, simulate=simulate, person=person, at=ends)


def confirm(
    context: typer.Context, client: ClientArgument, person: PersonArgument, simulate: Simulate = False, by: By = "operator"
) -> None:
    """Confirm a right that a parent gave, from the day on which the client turns 12 or 16: who then decides has said so."""
    from gateway import consent

    def change(gateway: Gateway, org: int) -> object:
        return consent.confirm(gateway, org, client=client, person=person, by=by)

    decide(context, client, "confirmed", change, simulate=simulate, person=person)
