"""``zorgsluis verify``: the invariants, on the live database; and what the portals hold, compared with what was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.shared import EXIT_ASIDE, EXIT_COULD_NOT_RUN, EXIT_LOSS, Json, line, opened

if TYPE_CHECKING:
    from api.opening import Installation
    from gateway.errors import GatewayError
    from gateway.verify.drift import Drift

# By the error's code; what is missing is for the log.
REMEDIES: Final = {
    "auth": "check settings.secrets.key and what the portal was given",
    "config": "check the portal's settings (base_url, key, connector)",
    "throttled": "wait, or ask fewer with --sample",
    "transient": "see that the portal is up and can be reached from here",
    "permanent": "give the portal's people this line",
}


def verify(
    context: typer.Context,
    read_back: Annotated[bool, typer.Option("--read-back", help="Also compare with what the portals hold (I2, I4).")] = False,
    drift: Annotated[
        bool, typer.Option("--drift", help="Only compare, per portal and client: equal, missing, too many, and why.")
    ] = False,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="With --drift: this many members a portal, those of today.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="With --drift: queue what is missing again, and take back what is too many.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the invariants I1, I3 and I5-I9 and the audit trail (with --read-back also I2 and I4); exit 4 when one is broken.

    With --read-back or --drift: exit 4 when something differs, 1 when a portal couldn't be asked, 3 when none could.
    """
    if (sample is not None or repair) and not drift:
        raise typer.BadParameter("--sample and --repair go with --drift")
    with opened(context) as (installation, org):
        code = _drift(installation, org, sample, repair, json) if drift else _invariants(installation, org, read_back, json)
    raise typer.Exit(code)


def _invariants(installation: Installation, org: int, read_back: bool, json: bool) -> int:
    """Show what is broken, and on standard error who couldn't be asked; return the exit code."""
    from api.server import AUDIT_HEADS
    from gateway.verify import at_portals
    from gateway.verify import verify as check

    with installation.engine() as engine:
        violations = check(engine, org, audit_heads=installation.state / AUDIT_HEADS)
        there = at_portals(engine, org) if read_back else None
    if there is not None:
        violations = sorted([*violations, *there.violations], key=lambda violation: violation.invariant)
    for violation in violations:
        if json:
            line(violation)
        else:
            typer.echo(f"{violation.invariant}  {violation.what}  {', '.join(violation.keys)}  -> {violation.remedy}")
    if not violations:
        checked = "I1 I2 I3 I4 I5 I6 I7 I8 I9 audit" if there and not there.unasked else "I1 I3 I5 I6 I7 I8 I9 audit"
        if json:
            line({"all_hold": checked.split()})
        else:
            typer.echo(f"all hold: {checked}")
    unasked = there.unasked if there else []
    for portal, error in unasked:
        typer.echo(_unasked(portal, error, "--read-back"), err=True)
    return EXIT_LOSS if violations else _left_out(unasked, bool(there and there.asked))


def _drift(installation: Installation, org: int, sample: int | None, repair: bool, json: bool) -> int:
    """Show the board, and on standard error who couldn't be asked; return the exit code."""
    from gateway.verify import drift as reconciliation

    gateway = installation.gateway
    found, unasked = reconciliation.drift(gateway, org, day=gateway.clock().date(), sample=sample)
    reconciliation.note(gateway, org, found)
    _show([one.board() for one in found], json)
    for portal, error in unasked:
        typer.echo(_unasked(portal, error, "--drift"), err=True)
    if any(one.any for one in found) and not (repair and _mended(installation, org, found, json)):
        return EXIT_LOSS
    return _left_out(unasked, bool(found))


def _left_out(unasked: Sequence[tuple[str, GatewayError]], asked: bool) -> int:
    """Return the exit code where nothing is broken as far as could be seen."""
    if not unasked:
        return 0
    return EXIT_ASIDE if asked else EXIT_COULD_NOT_RUN


def _mended(installation: Installation, org: int, found: Sequence[Drift], json: bool) -> bool:
    """Queue what mends it; tell whether that is all."""
    from gateway.verify.drift import repair

    left = repair(installation.gateway, org, found)
    if json:
        line({"queued": True, "not_ours": left})
    else:
        typer.echo(f"queued: zorgsluis serve or sync brings it to the portals; {left} resources aren't ours and stay")
    return left == 0


def _unasked(portal: str, error: GatewayError, again: str) -> str:
    remedy = REMEDIES.get(error.code, "look for this code in the log")
    return f"portal {portal}: not compared: {error.code}: {error}; what to do: {remedy}, then zorgsluis verify {again} again"


def _show(board: Sequence[dict[str, Any]], json: bool) -> None:
    for row in board:
        if json:
            line(row)
        else:
            why = (
                ", because " + ", ".join(f"{reason} {count}" for reason, count in row["because"].items())
                if row["because"]
                else ""
            )
            counts = f"{row['equal']} equal, {len(row['missing'])} missing, {len(row['extra'])} too many, {len(row['differing'])} other"
            typer.echo(f"{row['portal']}  client {row['client']}  {row['members']} members: {counts}{why}")
