"""Projections: named whitelists of what a reader gets of a resource.

A projection depends on the stored version and its name alone, never on the reader or on another resource. It only leaves out; projecting
twice changes nothing. What isn't named here doesn't travel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, get_args

Resource = dict[str, Any]
Projection = Literal["whole", "reduced", "name-only", "name-role", "directory"]
PROJECTIONS: Final[tuple[str, ...]] = get_args(Projection)
# For care staff, never for a member: a class map can't name it, and no hash of it is kept. A family's appointment as a busy block.
BUSY: Final = "busy"

DIRECTORY_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Practitioner": ("active", "name"),
    "PractitionerRole": ("active", "practitioner", "organization", "code", "specialty"),
    "Organization": ("active", "identifier", "type", "name", "partOf"),
    "Location": ("status", "name", "type", "managingOrganization"),
    "Questionnaire": ("url", "version", "name", "title", "status", "subjectType", "item"),
}
ALWAYS: Final = ("resourceType", "id", "meta")
# What even a whole resource leaves behind, by type: which record replaced which is the provider's administration, and points at another client.
INSIDE: Final[Mapping[str, frozenset[str]]] = {"Patient": frozenset({"link"})}


def names_for(rtype: str) -> tuple[str, ...]:
    """Return the projections that a type of resource has; the store keeps a hash of each."""
    return _NAMES.get(rtype, ("whole",))


def project(name: str, resource: Resource) -> Resource:
    """Return what the projection leaves of a resource.

    Raises:
        ValueError: this type of resource has no projection of that name.
    """
    if name == "whole":
        return _whole(resource)
    if name not in names_for(resource["resourceType"]) and (name, resource["resourceType"]) != (BUSY, "Appointment"):
        raise ValueError(f"{resource['resourceType']} has no projection {name!r}")
    return _SHAPES[name](resource)


def references_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (type, id) of every relative reference in a resource."""
    if isinstance(value, dict):
        found = value.get("reference")
        if isinstance(found, str):
            type_, _, id_ = found.partition("/")
            if id_ and "/" not in id_:
                yield type_, id_
        for part in value.values():
            if isinstance(part, (dict, list)):
                yield from references_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from references_in(part)


def stays_inside(body: bytes) -> bool:
    """Tell whether the bytes of a stored resource hold anything that even ``whole`` leaves behind; a look that costs nothing."""
    return body.startswith(b'{"resourceType":"Patient"') and b'"link":' in body


def _whole(resource: Resource) -> Resource:
    inside = INSIDE.get(resource["resourceType"])
    if inside is None or inside.isdisjoint(resource):
        return resource
    return {key: value for key, value in resource.items() if key not in inside}


def _only(resource: Resource, fields: tuple[str, ...]) -> Resource:
    return {key: value for key, value in resource.items() if key in ALWAYS or key in fields}


def _reduced(resource: Resource) -> Resource:
    """A care appointment for the circle: when, which discipline, and the notice that times are indicative."""
    kept = _only(resource, ("status", "start", "end", "serviceType", "comment", "participant"))
    if "serviceType" in kept:
        kept["serviceType"] = [{"text": one["text"]} for one in kept["serviceType"] if "text" in one]
    if "participant" in kept:
        kept["participant"] = [_bare(one) for one in kept["participant"] if _is_patient(one)]
    return {key: value for key, value in kept.items() if value not in ([], {})}


def _busy(resource: Resource) -> Resource:
    """A family's appointment for care staff: that the client is taken then. Neither what for, nor where, nor with whom."""
    kept = _only(resource, ("status", "start", "end", "participant"))
    kept["participant"] = [_bare(one) for one in kept.get("participant", ()) if _is_patient(one)]
    return {key: value for key, value in kept.items() if value not in ([], {})}


def _is_patient(participant: Resource) -> bool:
    return str(participant.get("actor", {}).get("reference", "")).startswith("Patient/")


def _bare(participant: Resource) -> Resource:
    """Leave the reference and the state: the display, type and period of a participant say more than was asked."""
    kept = {key: value for key, value in participant.items() if key in ("required", "status")}
    return {"actor": {"reference": participant["actor"]["reference"]}, **kept}


def _name_only(resource: Resource) -> Resource:
    return _only(resource, ("name",))


def _name_role(resource: Resource) -> Resource:
    return _only(resource, ("patient", "name", "relationship"))


def _directory(resource: Resource) -> Resource:
    return _only(resource, DIRECTORY_FIELDS[resource["resourceType"]])


_SHAPES: Final[Mapping[str, Callable[[Resource], Resource]]] = {
    "reduced": _reduced,
    BUSY: _busy,
    "name-only": _name_only,
    "name-role": _name_role,
    "directory": _directory,
}
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "Appointment": ("whole", "reduced"),
    "Patient": ("whole", "name-only"),
    "RelatedPerson": ("whole", "name-role"),
    **dict.fromkeys(DIRECTORY_FIELDS, ("whole", "directory")),
}
