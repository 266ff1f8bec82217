"""What a decision about one resource and one member is taken on, and its answer: plain records, no I/O, no clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, NamedTuple

from gateway.disclosure.reasons import Code

Level = Literal["none", "basic", "private-medical"]
Basis = Literal["client", "representative", "statutory"]
Scope = Literal["medical", "care", "finance"]
RepresentationKind = Literal[
    "parent-authority", "guardian", "curator", "mentor", "written-proxy", "family-7465", "administrator-finance"
]
AUDIENCES: Final = frozenset({"circle", "trust-group", "provider-and-trust-group", "provider"})
# What every right brings along: whose page it is, and who else may look. Nothing else would make sense without it.
BASE_CLASSES: Final = frozenset({"profile", "care-team"})
# The level of a sign-in that a dossier asks, unless the organisation raises it: a second factor.
NEEDED_ACR: Final = 2


class ClassRule(NamedTuple):
    """What the class map says about one key of a source; ``basic_projection`` is how a basic member sees it, if at all."""

    class_: str
    audience: str | None
    basic_projection: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one resource, its content apart."""

    rkey: int
    rtype: str
    rid: str
    rule: ClassRule | None
    audience: str | None = None
    labels: frozenset[str] = frozenset()
    data_at: datetime | None = None
    withdrawn: bool = False
    origin_portal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One member at one portal. ``origin`` is the portal's name in the source's records; ``related_rid`` is the person's own record.

    ``acr`` is the level that the sign-in of a ``pull`` reached at ``auth_time``; a push has no sign-in: there it is the level of the
    portal's step-up (1 without one), which does not grow old. ``needed_acr`` and ``step_up_minutes`` are the organisation's.
    ``audiences`` are what the portal is for; ``None`` is all.
    """

    person: int
    link_state: Literal["pending", "active", "ended"]
    acr: int
    pull: bool = False
    auth_time: datetime | None = None
    needed_acr: int = NEEDED_ACR
    step_up_minutes: int | None = None
    origin: str | None = None
    related_rid: str | None = None
    audiences: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A permission of one person; periods are half open, ``classes`` narrows, ``None`` is all.

    ``statutory``: it holds by a representation that the person has. ``parental``: a parent gave it, and the client confirms it at 12 and 16;
    of a statutory one that follows from the representations besides.
    """

    id: int
    person: int
    level: Level
    valid_from: datetime
    valid_to: datetime | None = None
    status: Literal["active", "suspended", "withdrawn", "entered-in-error"] = "active"
    classes: frozenset[str] | None = None
    data_from: datetime | None = None
    data_to: datetime | None = None
    basis: Basis = "client"
    parental: bool = False
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A forbid: of everything, or only of the person, class or resource that it names."""

    valid_from: datetime
    valid_to: datetime | None = None
    person: int | None = None
    class_: str | None = None
    rkey: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """A person may act for the client in what ``scope`` names."""

    person: int
    kind: RepresentationKind
    scope: frozenset[str]
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalConsent:
    """What another registry says of the client's will, about whom, what for and what it names; ``None`` is anybody, anything."""

    decision: Literal["permit", "deny"]
    valid_from: datetime
    valid_to: datetime | None = None
    person: int | None = None
    category: str | None = None
    purpose: str | None = None
    class_: str | None = None
    rkey: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that was decided for one client."""

    stopped: bool = False
    end_of_care_at: datetime | None = None
    birth_date: date | None = None
    grants: Collection[Grant] = ()
    exclusions: Collection[Exclusion] = ()
    representations: Collection[Representation] = ()
    external: Collection[ExternalConsent] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer; ``projection`` only with ``grant``; ``grant_id`` is the grant that decided, if one did."""

    code: Code
    projection: str | None = None
    grant_id: int | None = None

    @property
    def permitted(self) -> bool:
        """Tell whether the member sees it, whole or not."""
        return self.code == "grant"
