"""What a Consent says, without FHIR and without the database: permissions, prohibitions, and what other registries hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.disclosure.decide import Basis, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody by their number at the source; ``related_rid`` is the id of their own record, where it is known."""

    code: str
    related_rid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A permission. ``representative`` is the number of who gave it, with the basis 'representative'; periods are half open.

    ``classes`` doesn't name what comes with every right.
    """

    person: Person
    level: Level
    valid_from: datetime | None
    valid_to: datetime | None = None
    suspended: bool = False
    classes: tuple[str, ...] | None = None
    data_from: datetime | None = None
    data_to: datetime | None = None
    basis: Basis = "client"
    representative: str | None = None
    parental: bool = False
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prohibition:
    """An exclusion: of everybody, or of the person; of everything, or of the class or the resource (``Type/id``) that it names."""

    reason: str
    valid_from: datetime | None
    valid_to: datetime | None = None
    person: Person | None = None
    class_: str | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One line of another registry's consent: what it permits or denies, to whom, what for, of what."""

    decision: Literal["permit", "deny"]
    valid_from: datetime | None
    valid_to: datetime | None = None
    person: Person | None = None
    category: str | None = None
    purpose: str | None = None
    class_: str | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """All that a client's own Consent says."""

    patient: str
    rights: tuple[Right, ...] = ()
    prohibitions: tuple[Prohibition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """All that one consent in another registry says; ``source`` is how that registry names it."""

    patient: str
    source: str
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose Consents these are, and since when they say what they say."""

    organisation: str
    name: str
    changed_at: datetime | None = None
