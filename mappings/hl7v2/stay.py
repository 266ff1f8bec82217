"""What an ADT says beside the data types: contacts that have no number, diagnoses and allergies by their code, merged clients, roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gateway.mapping import ConvertContext, Converted, converter
from gateway.mapping.datatypes import parts, plain
from gateway.mapping.datatypes_identity import PARTICIPATION, Fields, field, named, prior_client_key, professional
from gateway.mapping.datatypes_values import dtm
from gateway.mapping.er7tree import Node

#: Where ROL and PRT (newer versions) hold the role, the person, and from when until when.
ROLES: Final = {"ROL": (3, 4, 5, 6), "PRT": (4, 5, 11, 12)}
CONTACT_NUMBER: Final = 33
DIAGNOSIS_NUMBER: Final = 20


def _numbered(fields: Fields, context: ConvertContext, key: Callable[[Fields], str]) -> str | None:
    """Return the key of a segment among those of its name under one client: the second with the same gets its number after it."""
    made = key(fields)
    item: Node | None = context.item if isinstance(context.item, Node) else None
    if not made or item is None or item.up is None or item.n == 1:
        return made or None
    before = 0
    for node in item.up.below(item.name):
        if node.f is fields:
            break
        before += key(node.f) == made
    return f"{made}|{before + 1}" if before else made


@converter("contact_key", raw=True, private=True)
def contact_key(nk1: Fields, context: ConvertContext) -> str | None:
    """Read a NK1 and return the key of the contact: its number, else the name as it is written; nothing without either.

    Not the set id: it is a place in a list, and whoever leaves the list would make somebody else of all who follow.
    """
    return _numbered(nk1, context, _contact)


def _contact(nk1: Fields) -> str:
    raw = nk1[CONTACT_NUMBER] if len(nk1) > CONTACT_NUMBER else ""
    if raw and (number := plain(raw.partition("~")[0].partition("^")[0])):
        return f"{named(parts(raw.partition('~')[0], 4)[3])}|{number}"
    family, first, second, *_ = (field(nk1, 2).partition("~")[0] + "^^").split("^")
    if "&" in family:
        family = family.partition("&")[0] or family.replace("&", " ")
    said = f"{plain(family) if family else ''}|{plain(first) if first else ''}|{plain(second) if second else ''}"
    return f"name|{said.casefold()}" if said != "||" else ""


@converter("coded_key", raw=True)
def coded_key(fields: Fields, context: ConvertContext) -> str | None:
    """Read an AL1 or DG1 and return its key: the number of a diagnosis (DG1-20), else code and coding system, else the text."""
    return _numbered(fields, context, _coded)


def _coded(fields: Fields) -> str:
    number = plain(field(fields, DIAGNOSIS_NUMBER).partition("^")[0]) if fields[0] == "DG1" else ""
    if number:
        return f"number|{number}"
    found = parts(field(fields, 3), 3)
    code = plain(found[0])
    if code:
        return f"{plain(found[2])}|{code}"
    text = plain(found[1]) or (plain(field(fields, 4)) if fields[0] == "DG1" else "")
    return f"text|{text.casefold()}" if text else ""


@converter("replaced_client", to="BackboneElement", raw=True, private=True)
def replaced_client(mrg: Fields, context: ConvertContext) -> Any:
    """Read a MRG and return the link of the survivor to the record that it replaces.

    Raises:
        Unmappable: both are one client (see ``prior_client_key``).
    """
    key = prior_client_key(mrg, context)
    return {"other": context.reference("Patient", "client", key), "type": "replaces"} if key else None


@converter("role_participant", to="BackboneElement", raw=True)
def role_participant(fields: Fields, context: ConvertContext) -> Any:
    """Read a ROL or PRT and return a participant of the stay: the role, the professional, and from when until when.

    Raises:
        Unmappable: a moment that is none.
    """
    role, person, start, end = (field(fields, at).partition("~")[0] for at in ROLES[fields[0]])
    individual = professional(person, context).referred() if person else None
    if individual is None:
        return None
    made: dict[str, Any] = {"type": [_role(role, context)]} if plain(role.partition("^")[0]) else {}
    period = {name: _bare(dtm(text, context)) for name, text in (("start", start), ("end", end)) if text}
    if period:
        made["period"] = period
    return {**made, "individual": individual}


def _role(raw: str, context: ConvertContext) -> dict[str, Any]:
    """Return a role by the concept map; one that it doesn't know takes part, in the sender's words."""
    found = parts(raw, 2)
    code, text = plain(found[0]), plain(found[1])
    targets = context.codes.find(code) if context.codes else []
    codings = [target.coding() for target in targets] or [{"system": PARTICIPATION, "code": "PART", "display": "Participation"}]
    return {"coding": codings, "text": text or code} if text or not targets else {"coding": codings}


def _bare(made: Any) -> Any:
    return made.value if isinstance(made, Converted) else made
