"""Consent: links, rights and what forbids, and every way in which they change. A change takes effect in its own transaction."""

from __future__ import annotations

from gateway.consent.clock import Review, review, turn_clock
from gateway.consent.exclusions import Excluded, exclude, exclusions, lift
from gateway.consent.external import External, end_external, externals, record_external
from gateway.consent.grants import set_grant
from gateway.consent.lifecycle import Parts, change_grant, confirm, expire, reinstate, suspend, withdraw
from gateway.consent.links import LinkLine, link, links, unlink
from gateway.consent.mandates import Mandate, add_mandate, end_mandate, mandates
from gateway.consent.stops import died, end_care, resume, stop
from gateway.consent.tasks import Task, close_task, tasks

__all__ = [
    "Excluded",
    "External",
    "LinkLine",
    "Mandate",
    "Parts",
    "Review",
    "Task",
    "add_mandate",
    "change_grant",
    "close_task",
    "confirm",
    "died",
    "end_care",
    "end_external",
    "end_mandate",
    "exclude",
    "exclusions",
    "expire",
    "externals",
    "lift",
    "link",
    "links",
    "mandates",
    "record_external",
    "reinstate",
    "resume",
    "review",
    "set_grant",
    "stop",
    "suspend",
    "tasks",
    "turn_clock",
    "unlink",
    "withdraw",
]
