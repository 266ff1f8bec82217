"""Delivery: work that a decision left in the outbox is brought to the portals, lane by lane.

A lane is one client at one portal: the unit of order and of claim. What holds, whatever is killed where:

* accepted work is a row until its receipt is stored; nothing is only in memory;
* a row is marked (``sent_at``) before its bytes leave, so that after a crash it is read back before it is sent again;
* every write here is in a transaction that begins with the lane's fence (``lanes.hold``), so that a worker that lost its lease writes nothing;
* what a member may see is looked at again (epoch and revision) in the transaction right before the bytes leave.
"""

from __future__ import annotations

from gateway.outbox.delivery import deliver_lane
from gateway.outbox.lanes import due_lanes, next_due_s
from gateway.outbox.parking import Parked, parked, release

__all__ = ["Parked", "deliver_lane", "due_lanes", "next_due_s", "parked", "release"]
