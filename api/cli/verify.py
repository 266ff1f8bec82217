"""``zorgsluis verify``: the invariants, on the live database; and what the portals hold, compared with what was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.shared import EXIT_LOSS, Json, line, opened

if TYPE_CHECKING:
    from api.opening import Installation


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
    """Check the invariants I1, I3 and I5-I9 and the audit trail (with --read-back also I2 and I4); exit 4 when one is broken."""
    if (sample is not None or repair) and not drift:
        raise typer.BadParameter("--sample and --repair go with --drift")
    with opened(context) as (installation, org):
        broken = _drift(installation, org, sample, repair, json) if drift else _invariants(installation, org, read_back, json)
    if broken:
        raise typer.Exit(EXIT_LOSS)


def _invariants(installation: Installation, org: int, read_back: bool, json: bool) -> bool:
    from api.server import AUDIT_HEADS
    from gateway.verify import verify as check

    with installation.engine() as engine:
        violations = check(engine, org, read_back=read_back, audit_heads=installation.state / AUDIT_HEADS)
    for violation in violations:
        if json:
            line(violation)
        else:
            typer.echo(f"{violation.invariant}  {violation.what}  {', '.join(violation.keys)}  -> {violation.remedy}")
    if not violations:
        checked = "I1 I2 I3 I4 I5 I6 I7 I8 I9 audit" if read_back else "I1 I3 I5 I6 I7 I8 I9 audit"
        if json:
            line({"all_hold": checked.split()})
        else:
            typer.echo(f"all hold: {checked}")
    return bool(violations)


def _drift(installation: Installation, org: int, sample: int | None, repair: bool, json: bool) -> bool:
    """Show the board; tell whether something differs that isn't mended by what was queued now."""
    from gateway.verify import drift as reconciliation

    gateway = installation.gateway
    found = reconciliation.drift(gateway, org, day=gateway.clock().date(), sample=sample)
    reconciliation.note(gateway, org, found)
    _show([one.board() for one in found], json)
    broken = any(one.any for one in found)
    if not (broken and repair):
        return broken
    left = reconciliation.repair(gateway, org, found)
    if json:
        line({"queued": True, "not_ours": left})
    else:
        typer.echo(f"queued: zorgsluis serve or sync brings it to the portals; {left} resources aren't ours and stay")
    return left > 0


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
