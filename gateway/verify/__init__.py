"""The invariants, asserted on the live database and, with read-back, against what the portals really hold.

I1  what was acknowledged is delivered, parked, withheld, queued, retracting or retained
I2  at a portal, equal content was written once between two retractions
I3  versions only move forward
I4  nothing is at a portal but what the view, an open retraction or a freeze explains
I5  no lane with ready work idles over two minutes while its portal is in use
I6  no lease is older than twice its time
I7  counters equal what they count
I8  every slot has exactly one outcome
I9  no body is kept past its retention: a deleted resource has none (those in journal and history are kept, nothing removes them yet)

and ``audit``: no row of the audit trail was altered, reordered, removed or cut off.

Run it in role ``zorgsluis_engine``, which row security doesn't restrict: each check names the organisation itself.
"""

from __future__ import annotations

from pathlib import Path

from gateway.runtime import Gateway
from gateway.verify.database import CHECKS, on_database
from gateway.verify.portals import at_portals
from gateway.verify.trail import on_trail
from gateway.verify.violation import Violation

__all__ = ["CHECKS", "Violation", "at_portals", "verify"]


def verify(gateway: Gateway, org: int, *, read_back: bool = False, audit_heads: Path | None = None) -> list[Violation]:
    """Check one organisation; return every violation, in the order of the invariants.

    ``audit_heads`` is the file outside the database that ``audit.export_heads`` writes: without it a tail that was cut off together with
    its head doesn't show.

    Raises:
        GatewayError: with ``read_back``, a portal can't be asked, or its connector broke; ``at_portals`` goes on with the others.
    """
    found = on_database(gateway, org) + on_trail(gateway, org, audit_heads)
    if read_back:
        there = at_portals(gateway, org)
        if there.unasked:
            raise there.unasked[0][1]
        found += there.violations
    return sorted(found, key=lambda violation: violation.invariant)
