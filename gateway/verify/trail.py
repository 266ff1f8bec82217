"""The audit trail as ``verify`` sees it: every chain recomputed, and compared with the heads outside the database when they are given."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Final

from gateway import audit
from gateway.runtime import Gateway
from gateway.verify.violation import Violation, violations

NAME: Final = "audit"
WHAT: Final = {
    "row-altered": "a row of the audit trail is not as it was written",
    "row-missing": "a row of the audit trail is gone or out of its place",
    "tail-cut": "the end of a chain of the audit trail was cut off",
    "head-altered": "the head of a chain of the audit trail is not that of its last row",
    "chain-missing": "a chain of the audit trail is gone",
    "rewritten": "a chain of the audit trail was written again: its head outside the database was another",
}
REMEDY: Final = "treat it as an incident: keep the database as it is and compare the rows from there on with a backup"

# serve writes the heads each minute: a trail that is older than this has them.
EXPECTED: Final = timedelta(minutes=15)
OLDER: Final = "select from audit_chain where org = app_org() and started_at <= app_now() - %s limit 1"


def without_heads(gateway: Gateway, org: int, heads: Path) -> bool:
    """Tell whether the file has no head of the organisation's trail where it should: what was cut off at the end may not show then."""
    with gateway.database.transaction(org) as db:
        older = db.execute(OLDER, (EXPECTED,)).fetchone() is not None
    return older and not audit.exported_heads(heads, org)


def on_trail(gateway: Gateway, org: int, heads: Path | None = None) -> list[Violation]:
    """Recompute the organisation's audit chains; ``heads`` is the file that ``audit.export_heads`` writes."""
    exported = None if heads is None else audit.exported_heads(heads, org)
    with gateway.database.snapshot(org) as db:
        breaks = audit.verify(db, gateway.keys(org), exported)
    keys: dict[str, list[str]] = defaultdict(list)
    for found in breaks:
        keys[found.what].append(f"chain {found.chain} row {found.seq}")
    return [violation for what, where in sorted(keys.items()) for violation in violations(NAME, WHAT[what], REMEDY, where)]
