"""``zorgsluis verify``: the invariants, on the live database."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import EXIT_LOSS, Json, line, opened


def verify(
    context: typer.Context,
    read_back: Annotated[bool, typer.Option("--read-back", help="Also compare with what the portals hold (I2, I4).")] = False,
    json: Json = False,
) -> None:
    """Check the invariants I1, I3 and I5-I9 and the audit trail (with --read-back also I2 and I4); exit 4 when one is broken."""
    from api.server import AUDIT_HEADS
    from gateway.verify import verify as check

    with opened(context) as (installation, org), installation.engine() as engine:
        violations = check(engine, org, read_back=read_back, audit_heads=installation.state / AUDIT_HEADS)
    for violation in violations:
        if json:
            line(violation)
        else:
            typer.echo(f"{violation.invariant}  {violation.what}  {', '.join(violation.keys)}  -> {violation.remedy}")
    if violations:
        raise typer.Exit(EXIT_LOSS)
    checked = "I1 I2 I3 I4 I5 I6 I7 I8 I9 audit" if read_back else "I1 I3 I5 I6 I7 I8 I9 audit"
    if json:
        line({"all_hold": checked.split()})
    else:
        typer.echo(f"all hold: {checked}")
