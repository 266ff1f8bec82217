"""FHIR Consent in: read into records, or refused with everything that can't be carried out exactly. Nothing is guessed and nothing left out."""

from __future__ import annotations

from typing import Any, Final

from gateway.consentfhir import terms
from gateway.consentfhir.elements import (
    Node,
    category_of,
    class_of,
    classes_of,
    extensions_of,
    has_code,
    is_suspended,
    level_of,
    objects,
    only_access,
    only_family,
    period_of,
    person_of,
    purpose_of,
    resource_of,
)
from gateway.consentfhir.issues import Issues
from gateway.consentfhir.records import Elsewhere, Person, Prohibition, Right, Rights, Statement
from gateway.consentfhir.write import elsewhere_id, rights_id

# What says nothing about who may see what.
ASIDE: Final = frozenset({"resourceType", "id", "meta", "language", "text", "dateTime", "performer", "organization"})
TOP: Final = ASIDE | {"status", "scope", "category", "patient", "policy", "provision", "identifier"}
PERMIT: Final = frozenset(
    {"extension", "modifierExtension", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "dataPeriod"}
)
DENY: Final = frozenset({"extension", "type", "period", "actor", "action", "purpose", "class", "data"})
LINE: Final = DENY - {"extension"}


def read_consent(body: Node) -> Rights | Elsewhere:
    """Return what a Consent says: of a client's own rights, or of another registry's, by its policy.

    Raises:
        Unacceptable: something in it can't be carried out; every such thing is named.
    """
    issues = Issues()
    issues.only(body, "Consent", TOP)
    _fixed(issues, body)
    patient = _patient(issues, body.get("patient"))
    policy = [one.get("uri") for one in objects(issues, body, "policy", "Consent")]
    root = _root(issues, body.get("provision"))
    issues.stop()
    found: Rights | Elsewhere
    if policy == [terms.RIGHTS_POLICY]:
        found = _rights(issues, patient, root)
    elif policy == [terms.OBJECTIONS_POLICY]:
        lines = tuple(_line(issues, node, at) for node, at in root)
        found = Elsewhere(patient=patient, source=_source(issues, body), statements=lines)
    else:
        issues.add("not-supported", "Consent.policy", f"one policy, either {terms.RIGHTS_POLICY} or {terms.OBJECTIONS_POLICY}")
        found = Rights(patient=patient)
    issues.stop()
    return found


def consent_id(body: Node) -> str:
    """Return the id that a Consent has here: that of its Patient, or of the consent in the other registry.

    Raises:
        Unacceptable: as ``read_consent``.
    """
    found = read_consent(body)
    return rights_id(found.patient) if isinstance(found, Rights) else elsewhere_id(found.patient, found.source)


def _fixed(issues: Issues, body: Node) -> None:
    """Check what must be as it is in every Consent that we carry out."""
    if body.get("resourceType") != "Consent":
        issues.add("structure", "Consent", "this is no Consent")
    if body.get("status") != "active":
        issues.add(
            "not-supported", "Consent.status", "only an active Consent can be carried out; leave a permission out to withdraw it"
        )
    if not has_code(body.get("scope"), terms.SCOPE):
        issues.add("not-supported", "Consent.scope", "only patient-privacy")


def _patient(issues: Issues, node: Any) -> str:
    reference = node.get("reference", "") if isinstance(node, dict) else ""
    type_, _, id_ = str(reference).partition("/")
    if type_ != "Patient" or not id_:
        issues.add("required", "Consent.patient", "a relative reference, Patient/id")
    else:
        # An identifier beside it could be of somebody else.
        issues.only(node, "Consent.patient", frozenset({"reference", "type", "display"}))
    return id_


def _source(issues: Issues, body: Node) -> str:
    found = [one.get("value") for one in objects(issues, body, "identifier", "Consent") if one.get("system") == terms.REGISTRY]
    if len(found) != 1 or not isinstance(found[0], str) or not found[0]:
        issues.add("required", "Consent.identifier", f"one identifier of {terms.REGISTRY}: how the registry names this consent")
        return ""
    return found[0]


def _root(issues: Issues, node: Any) -> list[tuple[Node, str]]:
    """Return the nested provisions; the root itself permits nothing."""
    if not isinstance(node, dict) or node.get("type") != "deny":
        issues.add("not-supported", "Consent.provision.type", "the root is deny: nothing is permitted but by a nested permit")
        return []
    issues.only(node, "Consent.provision", frozenset({"type", "provision"}))
    nested = objects(issues, node, "provision", "Consent.provision")
    return [(one, f"Consent.provision.provision[{place}]") for place, one in enumerate(nested)]


def _rights(issues: Issues, patient: str, nested: list[tuple[Node, str]]) -> Rights:
    rights, prohibitions = [], []
    for node, at in nested:
        if node.get("type") == "permit":
            rights.append(_right(issues, node, at))
        elif node.get("type") == "deny":
            prohibitions.append(_prohibition(issues, node, at))
        else:
            issues.add("value", f"{at}.type", "permit or deny")
    return Rights(patient=patient, rights=tuple(rights), prohibitions=tuple(prohibitions))


def _right(issues: Issues, node: Node, at: str) -> Right:
    issues.only(node, at, PERMIT)
    only_access(issues, node, at)
    only_family(issues, node, at)
    start, end = period_of(issues, node, "period", at)
    data_from, data_to = period_of(issues, node, "dataPeriod", at)
    person = person_of(issues, node, at)
    if person is None:
        issues.add("required", f"{at}.actor", "a permission names one person")
    extensions = extensions_of(issues, node, at)
    suspended = is_suspended(issues, node, at)
    return Right(
        person=person or Person(code=""),
        level=level_of(issues, node, at),
        valid_from=start,
        valid_to=end,
        suspended=suspended,
        classes=classes_of(issues, node, at),
        data_from=data_from,
        data_to=data_to,
        **extensions,
    )


def _prohibition(issues: Issues, node: Node, at: str) -> Prohibition:
    issues.only(node, at, DENY)
    only_access(issues, node, at)
    if "purpose" in node:
        only_family(issues, node, at)
    start, end = period_of(issues, node, "period", at)
    reasons = [one.get("valueCode") for one in objects(issues, node, "extension", at) if one.get("url") == terms.EXCLUSION_REASON]
    if len(reasons) != 1 or len(node.get("extension", ())) != 1 or not isinstance(reasons[0], str):
        issues.add("required", f"{at}.extension", f"the reason, once, and nothing else: {terms.EXCLUSION_REASON}")
    return Prohibition(
        reason=str(reasons[0]) if reasons else "",
        valid_from=start,
        valid_to=end,
        person=person_of(issues, node, at),
        class_=class_of(issues, node, at),
        resource=resource_of(issues, node, at),
    )


def _line(issues: Issues, node: Node, at: str) -> Statement:
    issues.only(node, at, LINE)
    only_access(issues, node, at)
    if node.get("type") not in ("permit", "deny"):
        issues.add("value", f"{at}.type", "permit or deny")
    start, end = period_of(issues, node, "period", at)
    category = category_of(node)
    return Statement(
        decision="permit" if node.get("type") == "permit" else "deny",
        valid_from=start,
        valid_to=end,
        person=None if category else person_of(issues, node, at),
        category=category,
        purpose=purpose_of(issues, node, at),
        class_=class_of(issues, node, at),
        resource=resource_of(issues, node, at),
    )
