"""``zorgsluis grant exclude`` and ``grant stop``: what forbids, whatever was granted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.cli.lookups import looked_at
from api.cli.periods import Until, end, last_day
from api.cli.rights import By, ClientArgument, Simulate, decide, in_motion, known_classes
from api.cli.shared import Json, line, opened, table

if TYPE_CHECKING:
    from gateway.ledger import Change
    from gateway.runtime import Gateway

# The lists of gateway/consent/reasons.py; a test keeps them equal.
EXCLUSIONS: Final = "good-care, client-asked, representative-asked, family-conflict, third-party, safety, court or other"
STOPS: Final = "death, end-of-care, client-asked, representative-asked, safety, court, incident or other"


def register(app: typer.Typer) -> None:
    """Add these commands to ``zorgsluis grant``."""
    app.command()(exclude)
    app.command()(lift)
    app.command()(exclusions)
    app.command()(stop)
    app.command()(restart)


def exclude(
    context: typer.Context,
    client: ClientArgument,
    reason: Annotated[str, typer.Option(help=f"Why: {EXCLUSIONS}.", metavar="CODE")],
    person: Annotated[str | None, typer.Option(help="Only for this person; else for everybody.", metavar="PERSON")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="Only this class.", metavar="NAME")] = None,
    resource: Annotated[str | None, typer.Option(help="Only this resource.", metavar="TYPE/ID")] = None,
    until: Until = None,
    simulate: Simulate = False,
    by: By = "operator",
) -> None:
    """Forbid, whatever was granted: what was delivered of it is retracted at once."""
    from gateway import consent

    ends = end(until, "--until")
    with opened(context) as (installation, org):
        known_classes(installation.gateway, org, [class_] if class_ else None)

    def change(gateway: Gateway, org: int) -> int:
        return consent.exclude(
            gateway,
            org,
            client=client,
            reason_code=reason,
            set_by=by,
            person=person,
            class_=class_,
            resource=resource,
            valid_to=ends,
        )

    def said(number: int) -> str:
        return f"exclusion {number}; lift it with: zorgsluis grant lift {client} {number}"

    decide(context, client, said, change, simulate=simulate, person=person)


def lift(
    context: typer.Context,
    client: ClientArgument,
    exclusion: Annotated[int, typer.Argument(help="Its number.", metavar="NUMBER")],
    simulate: Simulate = False,
    by: By = "operator",
) -> None:
    """End an exclusion."""
    from gateway import consent

    def change(gateway: Gateway, org: int) -> object:
        return consent.lift(gateway, org, client=client, exclusion=exclusion, by=by)

    decide(context, client, "lifted", change, simulate=simulate)


def exclusions(context: typer.Context, client: ClientArgument, json: Json = False, by: By = "operator") -> None:
    """List what is forbidden about a client now."""
    from gateway import consent

    with opened(context) as (installation, org):
        found = consent.exclusions(installation.gateway, org, client)
        looked_at(installation.gateway, org, "exclusions", client, by)
    if json:
        for one in found:
            line(one)
        return
    rows: list[list[object]] = [
        [
            one.number,
            one.person or "everybody",
            one.class_ or "every",
            one.resource or "every",
            one.reason_code,
            last_day(one.valid_to),
        ]
        for one in found
    ]
    table(["number", "person", "class", "resource", "reason", "until"], rows)


def stop(
    context: typer.Context,
    client: ClientArgument,
    because: Annotated[str, typer.Option(help=f"Why: {STOPS}.", metavar="CODE")],
    last: Annotated[str | None, typer.Option("--on", help="With end-of-care: its last day; else now.", metavar="DAY")] = None,
    freeze: Annotated[
        bool | None,
        typer.Option("--freeze/--retract", help="Leave what portals hold, or take it back; else as the organisation has it."),
    ] = None,
    simulate: Simulate = False,
    by: By = "operator",
) -> None:
    """Stop sharing for a client: nothing new goes, and what portals hold stays or is taken back."""
    from gateway import consent

    ends = end(last, "--on")
    if because == "end-of-care" and freeze is not None:
        raise typer.BadParameter("for end-of-care the configuration says it: sharing.at_end_of_care", param_hint="--freeze")
    if ends is not None and because != "end-of-care":
        raise typer.BadParameter("only the end of care can lie ahead", param_hint="--on")

    def change(gateway: Gateway, org: int) -> object:
        if because == "end-of-care":
            return consent.end_care(gateway, org, client=client, at=ends, by=by)
        if because == "death":
            return consent.died(gateway, org, client=client, freeze=freeze, by=by)
        return consent.stop(gateway, org, client=client, reason=because, freeze=bool(freeze), by=by)

    said = "care ends" if because == "end-of-care" else "stopped"
    decide(context, client, said, change, simulate=simulate, at=ends)


def restart(context: typer.Context, client: ClientArgument, simulate: Simulate = False, by: By = "operator") -> None:
    """Share again for a client for whom it was stopped, or whose care goes on after all."""
    from gateway import consent

    def change(gateway: Gateway, org: int) -> object:
        return consent.resume(gateway, org, client=client, by=by)

    def said(done: Change) -> str:
        died = "stopped for the death that the source told meanwhile; restart once more to share all the same"
        return in_motion("sharing again" if done.stop is None else died, done)

    decide(context, client, said, change, simulate=simulate)
