"""FHIR CareTeam in: who is in it and at which level, or everything in it that can't be carried out exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway.canonical import MEMBER, RIGHT
from gateway.careteam import NAME
from gateway.consentfhir.elements import Node, objects
from gateway.consentfhir.issues import Issues
from gateway.disclosure.decide import Level

# What says nothing about who may see what.
ASIDE: Final = frozenset({"resourceType", "id", "meta", "language", "text"})
TOP: Final = ASIDE | {"status", "name", "subject", "participant"}
LEVELS: Final[dict[str, Level]] = {"none": "none", "basic": "basic", "private-medical": "private-medical"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One participant: a link by its member, by the person's own record (``Type/id``), or both; ``at`` is its place."""

    at: str
    member: str | None
    record: str | None
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """All that a CareTeam says."""

    id: str
    patient: str
    participants: tuple[Asked, ...]


def read_team(body: Node) -> Team:
    """Return what a CareTeam says.

    Raises:
        Unacceptable: something in it can't be carried out; every such thing is named.
    """
    issues = Issues()
    issues.only(body, "CareTeam", TOP)
    if body.get("resourceType") != "CareTeam":
        issues.add("structure", "CareTeam", "this is no CareTeam")
    if body.get("status") != "active":
        issues.add("not-supported", "CareTeam.status", "only active; leave a participant out to take their access away")
    if body.get("name", NAME) != NAME:
        issues.add("not-supported", "CareTeam.name", f"the name is {NAME} and can't be changed: send it so, or not at all")
    nodes = objects(issues, body, "participant", "CareTeam")
    team = Team(
        id=str(body.get("id", "")),
        patient=_patient(issues, body.get("subject")),
        participants=tuple(_asked(issues, node, f"CareTeam.participant[{place}]") for place, node in enumerate(nodes)),
    )
    issues.stop()
    return team


def _patient(issues: Issues, node: Any) -> str:
    subject = node if isinstance(node, dict) else {}
    issues.only(subject, "CareTeam.subject", frozenset({"reference", "type", "display"}))
    type_, _, id_ = str(subject.get("reference", "")).partition("/")
    if type_ != "Patient" or not id_:
        issues.add("required", "CareTeam.subject", "a relative reference, Patient/id")
    return id_


def _asked(issues: Issues, node: Node, at: str) -> Asked:
    issues.only(node, at, frozenset({"role", "member"}))
    who = node.get("member")
    named = who if isinstance(who, dict) else {}
    issues.only(named, f"{at}.member", frozenset({"reference", "type", "identifier", "display"}))
    member, record = _member(issues, named, at), _record(issues, named, at)
    if member is None and record is None:
        issues.add("required", f"{at}.member", f"the identifier of {MEMBER} that a read gives, or RelatedPerson/id or Patient/id")
    return Asked(at=at, member=member, record=record, level=_level(issues, node, at))


def _member(issues: Issues, named: Node, at: str) -> str | None:
    if "identifier" not in named:
        return None
    identifier = named["identifier"]
    value = identifier.get("value") if isinstance(identifier, dict) and identifier.get("system") == MEMBER else None
    if not isinstance(value, str) or not value:
        issues.add("not-supported", f"{at}.member.identifier", f"an identifier of {MEMBER}, as a read gives it")
        return ""
    return value


def _record(issues: Issues, named: Node, at: str) -> str | None:
    if "reference" not in named:
        return None
    type_, _, id_ = str(named["reference"]).partition("/")
    if type_ not in ("RelatedPerson", "Patient") or not id_ or named.get("type", type_) != type_:
        issues.add(
            "not-supported", f"{at}.member.reference", "a relative reference: RelatedPerson/id, or Patient/id for the client"
        )
    return f"{type_}/{id_}"


def _level(issues: Issues, node: Node, at: str) -> Level:
    roles = objects(issues, node, "role", at)
    codings = objects(issues, roles[0], "coding", f"{at}.role") if len(roles) == 1 else []
    code = codings[0].get("code") if len(codings) == 1 and codings[0].get("system") == RIGHT else None
    if not isinstance(code, str) or code not in LEVELS:
        issues.add("not-supported", f"{at}.role", f"one role with one code of {RIGHT}: {', '.join(LEVELS)}")
        return "none"
    return LEVELS[code]
