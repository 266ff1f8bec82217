"""Once a night: a sample of members is compared with what the portals really hold, and what differs becomes tasks."""

from __future__ import annotations

from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from gateway.config import AMSTERDAM
from gateway.runtime import Gateway
from gateway.verify.drift import Drift, drift, note

# Between the last slot of a day and the first of the next; in October this hour comes once.
HOUR: Final = 4
SAMPLE: Final = 50

CLAIM: Final = """
insert into drift_night (org, night, begun_at) values (%s, %s, app_now()) on conflict (org, night) do nothing returning night"""
FINISH: Final = """
update drift_night set finished_at = app_now(), members = %(members)s, equal = %(equal)s, missing = %(missing)s, extra = %(extra)s,
  differing = %(differing)s, error_code = %(error)s
where org = %(org)s and night = %(night)s"""

log = structlog.get_logger()


def claim_night(gateway: Gateway, org: int) -> date | None:
    """Return tonight's date to the one who may make the comparison: in its hour, and once. A night that is cut off isn't made again."""
    local = gateway.clock().astimezone(ZoneInfo(AMSTERDAM))
    if local.hour != HOUR:
        return None
    with gateway.database.transaction(org) as db:
        row = db.execute(CLAIM, (org, local.date())).fetchone()
    return None if row is None else local.date()


def compare_sample(gateway: Gateway, org: int, night: date, sample: int = SAMPLE) -> list[Drift]:
    """Compare the night's members, open and close tasks, and write down what was found.

    The night's error has each portal that couldn't be asked, with its code.
    """
    found, unasked = drift(gateway, org, day=night, sample=sample)
    for portal, failed in unasked:
        log.warning("drift.failed", portal=portal, code=failed.code)
    note(gateway, org, found)
    error = ", ".join(f"{portal}: {failed.code}" for portal, failed in unasked) or None
    counts = {
        "members": sum(len(one.members) for one in found),
        "equal": sum(one.equal for one in found),
        "missing": sum(len(one.missing()) for one in found),
        "extra": sum(len(one.extra()) for one in found),
        "differing": sum(len(one.differing()) for one in found),
    }
    with gateway.database.transaction(org) as db:
        db.execute(FINISH, {"org": org, "night": night, "error": error, **counts})
    wrong = counts["missing"] + counts["extra"] + counts["differing"]
    log.info("drift.compared", members=counts["members"], equal=counts["equal"], wrong=wrong, code=error)
    return found
