"""What a portal sends and what it gets: JSON of fixed shapes. No names: members, records' ids, classes, codes and counts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec

from gateway.consent.administration import Standing
from gateway.consent.codes import Linked
from gateway.consent.invitations import Invitation, Invited
from gateway.insight.matrix import Matrix
from gateway.insight.simulate import Counts, Simulation
from gateway.ledger import Change

Level = Literal["none", "basic", "private-medical"]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Shape = TypeVar("Shape", bound=msgspec.Struct)
MOST_CLASSES: Final = 64


class Redeem(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A code from a letter, the portal's own number of the account, and the page that the account links."""

    code: Text
    account: Text
    page: UUID


class Answer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who answers an invitation."""

    account: Text


class Rights(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The level that an administrator wants somebody to have; without ``classes`` all that it holds."""

    administrator: Text
    level: Level
    classes: Annotated[list[Text], msgspec.Meta(max_length=MOST_CLASSES)] | None = None


class Wish(Rights, kw_only=True, forbid_unknown_fields=True):
    """The same for a member, to be told what it would do."""

    member: Text


Asked = TypeVar("Asked", bound=Rights)


def linked(found: Linked) -> dict[str, Any]:
    """Tell what a code opened. Of the client no more than a number."""
    return {
        "member": found.member,
        "page": str(found.page),
        "administrator": found.administrator,
        "organisation": {"code": found.organisation, "name": found.organisation_name},
        "client": {"patient": found.patient},
    }


def invited(made: Invited) -> dict[str, Any]:
    """Tell what to put in the invitation's message."""
    return {"invitation": made.invitation, "token": made.token, "expires": instant(made.expires_at)}


def invitation(one: Invitation) -> dict[str, Any]:
    """Tell how an invitation stands."""
    return {
        "invitation": one.invitation,
        "state": one.state,
        "days": one.days,
        "level": one.level,
        "classes": one.classes,
        "invited": instant(one.invited_at),
        "expires": instant(one.expires_at),
        "answered": instant(one.answered_at),
        "member": one.member,
    }


def people(found: list[Standing], seen: Matrix, portal: str) -> dict[str, Any]:
    """Tell who is on a page with what right, and for each class the reason why they see it, or don't."""
    codes = {
        line.member: {class_: cell.code for class_, cell in line.cells.items()} for line in seen.lines if line.portal == portal
    }
    return {
        "classes": list(seen.classes),
        "people": [{**asdict(one), "valid_to": instant(one.valid_to), "sees": codes.get(one.member, {})} for one in found],
    }


def effect(simulation: Simulation, person: str) -> dict[str, Any]:
    """Tell what a change would do to this person's items, class by class, and what can't be undone."""
    classes: dict[str, Counts] = {}
    for one in simulation.effects:
        if one.person == person:
            classes[one.class_] = classes.get(one.class_, Counts()) + one.counts
    return {
        "classes": {class_: asdict(counts) for class_, counts in classes.items()},
        "warnings": [asdict(warned) for warned in simulation.warnings],
        "nl": simulation.nl,
        "en": simulation.en,
    }


def change(done: Change) -> dict[str, int]:
    """Tell what a change set in motion."""
    return {"delivering": done.delivering, "retracting": done.retracting}


def instant(at: datetime | None) -> str | None:
    """Write an instant in UTC, to the second."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
