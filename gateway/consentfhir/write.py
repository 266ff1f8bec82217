"""Records out as FHIR R4 Consent: root deny, and for each permission a nested permit with actor, labels, purpose, classes and periods."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from gateway.canonicalise import canonical_form
from gateway.consentfhir import terms
from gateway.consentfhir.records import Elsewhere, Person, Place, Prohibition, Right, Rights, Statement

Resource = dict[str, Any]
VERSION_LENGTH: Final = 32


def rights_id(patient: str) -> str:
    """Return the id of a client's own Consent: that of the Patient."""
    return patient


def elsewhere_id(patient: str, source: str) -> str:
    """Return the id of what another registry says of a client."""
    return f"{patient}.{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def rights_consent(found: Rights, place: Place) -> Resource:
    """Write a client's rights. Nothing is permitted but what a nested provision permits; a nested deny wins from every permit."""
    nested = [_permit(right) for right in found.rights] + [_forbid(one) for one in found.prohibitions]
    body = _consent(rights_id(found.patient), found.patient, terms.RIGHTS_POLICY, place)
    body["provision"] = {"type": "deny", **({"provision": nested} if nested else {})}
    return _versioned(body, place)


def elsewhere_consent(found: Elsewhere, place: Place) -> Resource:
    """Write what another registry says: lines of which the most specific holds, and of equals the denial. It permits nothing by itself."""
    body = _consent(elsewhere_id(found.patient, found.source), found.patient, terms.OBJECTIONS_POLICY, place)
    body["identifier"] = [{"system": terms.REGISTRY, "value": found.source}]
    lines = [_line(one) for one in found.statements]
    body["provision"] = {"type": "deny", **({"provision": lines} if lines else {})}
    return _versioned(body, place)


def instant(at: datetime) -> str:
    """Write a moment as FHIR does, in UTC and to the microsecond where it has any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _consent(id_: str, patient: str, policy: str, place: Place) -> Resource:
    body: Resource = {
        "resourceType": "Consent",
        "id": id_,
        "meta": {},
        "status": "active",
        "scope": terms.SCOPE,
        "category": [terms.KIND],
        "patient": {"reference": f"Patient/{patient}", "type": "Patient"},
        "organization": [
            {"identifier": {"system": terms.ORGANISATION, "value": place.organisation}, "display": place.name},
        ],
        "policy": [{"uri": policy}],
    }
    if place.changed_at is not None:
        body["dateTime"] = instant(place.changed_at)
    return body


def _versioned(body: Resource, place: Place) -> Resource:
    """Name the version by what it says: the same rights are the same version, whenever they are asked for."""
    digest = hashlib.sha256(canonical_form(body)).hexdigest()[:VERSION_LENGTH]
    body["meta"] = {"versionId": digest}
    if place.changed_at is not None:
        body["meta"]["lastUpdated"] = place.changed_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return body


def _permit(right: Right) -> Resource:
    extensions, modifiers = _extensions(right), [{"url": terms.SUSPENDED, "valueBoolean": True}] if right.suspended else []
    return _filled(
        extension=extensions,
        modifierExtension=modifiers,
        type="permit",
        period=_period(right.valid_from, right.valid_to),
        actor=[_actor(right.person)],
        action=[terms.ACCESS],
        securityLabel=terms.labels(right.level),
        purpose=[_purpose(terms.FAMILY)],
        **{"class": None if right.classes is None else [_class(class_) for class_ in right.classes or terms.ALWAYS]},
        dataPeriod=_period(right.data_from, right.data_to),
    )


def _extensions(right: Right) -> list[Resource]:
    """Say on whose authority a permission rests, where that isn't simply the client's own."""
    found: list[Resource] = []
    if right.basis != "client":
        found.append({"url": terms.BASIS, "valueCode": right.basis})
    if right.representative is not None:
        found.append({"url": terms.REPRESENTATIVE, "valueIdentifier": {"system": terms.PERSON, "value": right.representative}})
    if right.parental:
        found.append({"url": terms.PARENTAL, "valueBoolean": True})
    if right.confirmed_at is not None:
        found.append({"url": terms.CONFIRMED, "valueDateTime": instant(right.confirmed_at)})
    return found


def _forbid(one: Prohibition) -> Resource:
    return _filled(
        extension=[{"url": terms.EXCLUSION_REASON, "valueCode": one.reason}],
        type="deny",
        period=_period(one.valid_from, one.valid_to),
        actor=[_actor(one.person)] if one.person else None,
        action=[terms.ACCESS],
        **{"class": [_class(one.class_)] if one.class_ else None},
        data=[_data(one.resource)] if one.resource else None,
    )


def _line(one: Statement) -> Resource:
    actors = [_actor(one.person)] if one.person else [_category(one.category)] if one.category else None
    return _filled(
        type=one.decision,
        period=_period(one.valid_from, one.valid_to),
        actor=actors,
        action=[terms.ACCESS],
        purpose=[_purpose(one.purpose)] if one.purpose else None,
        **{"class": [_class(one.class_)] if one.class_ else None},
        data=[_data(one.resource)] if one.resource else None,
    )


def _actor(person: Person) -> Resource:
    reference: Resource = {"reference": f"RelatedPerson/{person.related_rid}"} if person.related_rid else {}
    identifier = {"system": terms.PERSON, "value": person.code}
    return {"role": terms.RECIPIENT, "reference": {**reference, "type": "RelatedPerson", "identifier": identifier}}


def _category(category: str) -> Resource:
    identifier = {"system": terms.CATEGORY, "value": category}
    return {"role": terms.RECIPIENT, "reference": {"identifier": identifier}}


def _class(class_: str) -> Resource:
    return {"system": terms.CLASS, "code": class_}


def _purpose(code: str) -> Resource:
    return {"system": terms.REASON_SYSTEM, "code": code}


def _data(resource: str) -> Resource:
    return {"meaning": "instance", "reference": {"reference": resource}}


def _period(start: datetime | None, end: datetime | None) -> Resource | None:
    period = {name: instant(at) for name, at in (("start", start), ("end", end)) if at is not None}
    return period or None


def _filled(**elements: Any) -> Resource:
    """Return the elements that hold something."""
    return {name: value for name, value in elements.items() if value not in (None, [])}
