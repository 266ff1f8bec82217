"""References as they are typed: a resource ``Type/id``, a source record ``system/stream#key``, a member."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

import typer

RESOURCE: Final = re.compile(r"[A-Z][A-Za-z]{1,60}/[A-Za-z0-9.-]{1,64}")
RECORD: Final = re.compile(r"[^/#\s]+/[^/#\s]+#\S+")


def resource_ref(text: str) -> str:
    """Check the shape of ``Type/id``."""
    if not RESOURCE.fullmatch(text):
        raise typer.BadParameter("not a resource; give Type/id")
    return text


def record_or_resource_ref(text: str) -> str:
    """Check the shape of ``Type/id`` or ``system/stream#key``."""
    if not RESOURCE.fullmatch(text) and not RECORD.fullmatch(text):
        raise typer.BadParameter("not a reference; give Type/id of a resource, or 'system/stream#key' of a source record")
    return text


def member_ref(text: str) -> str:
    """Check the shape of a member."""
    try:
        return str(UUID(text))
    except ValueError:
        raise typer.BadParameter("not a member; give the uuid that `zorgsluis link list` shows") from None
