"""A change of rights, to its end: whatever it takes away leaves the portal now, not when somebody next looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.shared import EXIT_ASIDE, opened
from api.cli.simulation import show

if TYPE_CHECKING:
    from api.opening import Installation
    from gateway.consent import LinkLine
    from gateway.ledger import Change
    from gateway.runtime import Gateway, Task

ClientArgument = Annotated[str, typer.Argument(help="The client: the number at its source, or SOURCE:NUMBER.", metavar="CLIENT")]
OnlyClient = Annotated[
    str | None, typer.Option(help="Only this client: the number at its source, or SOURCE:NUMBER.", metavar="CLIENT")
]
PersonArgument = Annotated[str, typer.Argument(help="The person: the number of the relation in the ECD.", metavar="PERSON")]
By = Annotated[str, typer.Option(help="Who decides, for the trail.", metavar="WHO")]
Simulate = Annotated[bool, typer.Option("--simulate", help="Only tell what it would do: nothing is saved, nothing is sent.")]

WAITING: Final = """
select count(*) filter (where state = 'ready')::int as ready, count(*) filter (where state = 'parked')::int as parked
from outbox where lane_id = any(%s)"""


@contextmanager
def carried_out(gateway: Gateway, org: int, client: str | None = None) -> Iterator[Gateway]:
    """Yield a gateway whose changes of rights are brought to the portals at the end of the block.

    What of the client stays at portals that take nothing back, or goes there for good, is said.

    Raises:
        typer.Exit: 1, after saying so, when a portal did not take it all; it is kept, and tried again.
    """
    from gateway.outbox import deliver_lane

    lanes: set[int] = set()
    made: list[Change] = []

    def note(task: Task, _org: int, lane: int) -> None:
        if task == "deliver_lane":
            lanes.add(lane)

    yield replace(gateway, hint=note, decided=made.append)
    for lane in sorted(lanes):
        deliver_lane(gateway, org, lane)
    if client is not None:
        _say_what_stays(gateway, org, client, made)
    _say_what_waits(gateway, org, sorted(lanes))


@contextmanager
def changing_rights(context: typer.Context, client: str) -> Iterator[tuple[Gateway, int]]:
    """Yield (gateway, organisation) of an installation whose changes of rights are carried out at the end of the block."""
    with opened(context) as (installation, org), carried_out(installation.gateway, org, client) as gateway:
        yield gateway, org


def decide(
    context: typer.Context,
    client: str,
    said: str | Callable[[Any], str],
    change: Callable[[Gateway, int], Any],
    *,
    simulate: bool = False,
    person: str | None = None,
    at: datetime | None = None,
    ends: datetime | None = None,
) -> None:
    """Carry out one change of a client's rights and say what came of it, or only tell what would.

    ``at``: the moment to come at which it does its work; ``ends``: at which that is over. ``person``: whom it is about, for the words.
    """
    from gateway.insight.simulate import simulate_change

    with opened(context) as (installation, org):
        if simulate:
            asked = simulate_change(
                installation.gateway,
                org,
                lambda rehearsed: change(rehearsed, org),
                client=client,
                person=person,
                at=at,
                ends=ends,
            )
            show(asked)
            return
        with carried_out(installation.gateway, org, client) as gateway:
            done = change(gateway, org)
            if isinstance(said, str):
                told(said, done)
            else:
                typer.echo(said(done))


def told(said: str, change: Change) -> None:
    """Say what a change set in motion."""
    typer.echo(in_motion(said, change))


def in_motion(said: str, change: Change) -> str:
    """Return what a change set in motion, in words."""
    return f"{said}: {change.delivering} to deliver, {change.retracting} to retract"


def known_classes(gateway: Gateway, org: int, classes: list[str] | None) -> None:
    """Refuse a class that isn't one.

    Raises:
        typer.BadParameter: it names what is no class of this organisation.
    """
    from gateway.consent.administration import unknown_classes

    unknown, known = unknown_classes(gateway, org, classes or ())
    if unknown:
        raise typer.BadParameter(f"no class is called {', '.join(unknown)}; there are: {', '.join(known)}", param_hint="--class")


def _say_what_stays(gateway: Gateway, org: int, client: str, made: list[Change]) -> None:
    from gateway.insight.staying import going_for_good, staying

    for one in going_for_good(gateway, org, made):
        typer.echo(f"portal {one.portal} can take nothing back: {one.items} items of person {one.person} go there for good")
    for one in staying(gateway, org, client):
        typer.echo(f"portal {one.portal} can take nothing back: {one.items} items of person {one.person} stay there")


def _say_what_waits(gateway: Gateway, org: int, lanes: list[int]) -> None:
    from api.runs import portal_trouble

    with gateway.database.transaction(org) as db:
        left = db.execute(WAITING, (lanes,)).fetchone()
    if left is None or not (left.ready or left.parked):
        return
    typer.echo(f"{left.ready} items for this client still wait, {left.parked} are parked; `zorgsluis serve` goes on", err=True)
    for trouble in portal_trouble(gateway, org):
        typer.echo(trouble, err=True)
    raise typer.Exit(EXIT_ASIDE)


def only_portal(installation: Installation, org: int, given: str | None) -> str:
    """Return the portal named, or the only one.

    Raises:
        typer.BadParameter: there is no such portal, or there are several.
    """
    code = next(code for code, number in installation.organisations.items() if number == org)
    organisation = next(one for one in installation.config.organisations if one.code == code)
    codes = [portal.code for portal in organisation.portals]
    if given in codes or (given is None and len(codes) == 1):
        return given or codes[0]
    said = "there are several portals, name one" if given is None else f"no portal is called {given!r}; there are"
    raise typer.BadParameter(f"{said}: {', '.join(codes) or 'none'}", param_hint="--portal")


def known_links(gateway: Gateway, org: int, client: str, person: str) -> list[LinkLine]:
    """Return the links of this person to this client, also those that ended."""
    from gateway import consent

    return [found for found in consent.links(gateway, org, client) if found.person == person]


def refuse_a_stranger(gateway: Gateway, org: int, client: str, person: str) -> None:
    """Refuse to give rights to somebody who was never linked to the client: most of all a mistyped number.

    Raises:
        NotFound: there is no such link, or no such client.
    """
    from gateway.errors import NotFound

    if not known_links(gateway, org, client, person):
        raise NotFound(f"person {person} was never linked to client {client}; first: zorgsluis link add {client} {person}")
