"""Reading a source: a run is cut into slices; each slice is read under a lease, page by page, into the journal.

``plan`` makes the slices, ``pull`` reads one, ``absence`` finds what vanished, ``closing`` ends a run and moves the bookmarks.
"""

from __future__ import annotations

from gateway.reading.closing import finish_run
from gateway.reading.plan import due_slices, next_due, plan_run
from gateway.reading.pull import pull_slice

__all__ = ["due_slices", "finish_run", "next_due", "plan_run", "pull_slice"]
