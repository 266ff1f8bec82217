"""What may be said of a right besides its level."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypedDict

Status = Literal["active", "suspended", "withdrawn", "entered-in-error"]
Basis = Literal["client", "representative", "statutory"]


class Terms(TypedDict, total=False):
    """The terms of a right. Periods are half open; what isn't given is unlimited.

    ``classes`` narrows. ``representative`` is the person (code) on whose mandate it rests, needed with the basis 'representative'.
    ``parental`` follows from the mandate and is said only where another registry knows it.
    """

    basis: Basis | str
    status: Status | str
    classes: Sequence[str] | None
    data_from: datetime | None
    data_to: datetime | None
    valid_from: datetime | None
    valid_to: datetime | None
    representative: str | None
    parental: bool
    confirmed_at: datetime | None
    source_ref: str | None
