"""Consent: links, rights and what forbids, and every way in which they change. A change takes effect in its own transaction."""

from __future__ import annotations

from gateway.consent.exclusions import exclude, lift
from gateway.consent.grants import set_grant
from gateway.consent.lifecycle import change_grant, confirm, expire, reinstate, suspend, withdraw
from gateway.consent.links import LinkLine, link, links, unlink
from gateway.consent.mandates import Mandate, add_mandate, end_mandate, mandates
from gateway.consent.stops import resume, stop
from gateway.consent.tasks import Task, close_task, tasks

__all__ = [
    "LinkLine",
    "Mandate",
    "Task",
    "add_mandate",
    "change_grant",
    "close_task",
    "confirm",
    "end_mandate",
    "exclude",
    "expire",
    "lift",
    "link",
    "links",
    "mandates",
    "reinstate",
    "resume",
    "set_grant",
    "stop",
    "suspend",
    "tasks",
    "unlink",
    "withdraw",
]
