"""The elements of a provision, each read as the one thing that we can carry out; what is anything else is noted and not guessed at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast, get_args

from gateway.canonical import AUDIENCE
from gateway.consentfhir import terms
from gateway.consentfhir.issues import Issues
from gateway.consentfhir.moments import moment
from gateway.consentfhir.records import Person
from gateway.disclosure.decide import Basis, Level

Node = dict[str, Any]
BASES: Final[tuple[str, ...]] = get_args(Basis)


def objects(issues: Issues, node: Node, name: str, at: str) -> list[Node]:
    """Return a list of objects; none when there is none."""
    found = node.get(name, [])
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        return found
    issues.add("structure", f"{at}.{name}", "a list of objects")
    return []


def only_ours(issues: Issues, node: Node, organisation: str) -> None:
    """Note an organisation that isn't the one whose client this is (``organisation``: its code). Who names none means ours."""
    for place, one in enumerate(objects(issues, node, "organization", "Consent")):
        at = f"Consent.organization[{place}]"
        issues.only(one, at, frozenset({"identifier", "display", "type"}))
        identifier = one.get("identifier")
        named = identifier if isinstance(identifier, dict) else {}
        if (named.get("system"), named.get("value")) != (terms.ORGANISATION, organisation):
            text = f"only the organisation whose client this is: identifier {organisation} of {terms.ORGANISATION}, or no organization"
            issues.add("business-rule", f"{at}.identifier", text)


def has_code(node: Any, wanted: Node) -> bool:
    """Tell whether a CodeableConcept is this one, by system and code of each coding."""
    if not isinstance(node, dict):
        return False
    pairs = {(one.get("system"), one.get("code")) for one in node.get("coding", []) if isinstance(one, dict)}
    return pairs == {(one["system"], one["code"]) for one in wanted["coding"]}


def only_access(issues: Issues, node: Node, at: str) -> None:
    """Note an action that is anything but access."""
    actions = objects(issues, node, "action", at)
    if "action" in node and not (len(actions) == 1 and has_code(actions[0], terms.ACCESS)):
        issues.add("not-supported", f"{at}.action", "only access")


def only_family(issues: Issues, node: Node, at: str) -> None:
    """Note a purpose that isn't that of a portal of relatives."""
    if purpose_of(issues, node, at) != terms.FAMILY:
        issues.add("not-supported", f"{at}.purpose", f"only {terms.FAMILY}: what a portal of relatives is for")


def purpose_of(issues: Issues, node: Node, at: str) -> str | None:
    """Return the one purpose, if there is one."""
    found = objects(issues, node, "purpose", at)
    if not found:
        return None
    if len(found) > 1 or found[0].get("system") != terms.REASON_SYSTEM or not isinstance(found[0].get("code"), str):
        issues.add("not-supported", f"{at}.purpose", f"one code of {terms.REASON_SYSTEM}")
        return None
    return str(found[0]["code"])


def level_of(issues: Issues, node: Node, at: str) -> Level:
    """Return the level whose audiences the labels are, all of them and no other."""
    found = objects(issues, node, "securityLabel", at)
    codes = {one.get("code") for one in found if one.get("system") == AUDIENCE}
    for level, audiences in terms.AUDIENCES_OF.items():
        if codes == set(audiences) and len(codes) == len(found):
            return level
    either = " or ".join("+".join(audiences) for audiences in terms.AUDIENCES_OF.values())
    issues.add("not-supported", f"{at}.securityLabel", f"the audiences of a level: {either}, of {AUDIENCE}")
    return "none"


def classes_of(issues: Issues, node: Node, at: str) -> tuple[str, ...] | None:
    """Return the classes that a permission is narrowed to, without those that come with every right; nothing when it isn't narrowed."""
    if "class" not in node:
        return None
    found = objects(issues, node, "class", at)
    codes = {str(one.get("code")) for one in found if one.get("system") == terms.CLASS}
    if len(codes) != len(found) or not found:
        issues.add("not-supported", f"{at}.class", f"classes of {terms.CLASS}, each once: types of resources are no classes")
    return tuple(sorted(codes - set(terms.ALWAYS)))


def class_of(issues: Issues, node: Node, at: str) -> str | None:
    """Return the one class that is named, if one is."""
    found = objects(issues, node, "class", at)
    if not found:
        return None
    if len(found) > 1 or found[0].get("system") != terms.CLASS:
        issues.add("not-supported", f"{at}.class", f"one class of {terms.CLASS}; write a provision for each")
    return str(found[0].get("code"))


def resource_of(issues: Issues, node: Node, at: str) -> str | None:
    """Return the one resource that is named (``Type/id``), if one is."""
    found = objects(issues, node, "data", at)
    if not found:
        return None
    reference = found[0].get("reference")
    ref = reference.get("reference") if isinstance(reference, dict) else None
    if len(found) > 1 or found[0].get("meaning") != "instance" or not isinstance(ref, str) or ref.count("/") != 1:
        issues.add("not-supported", f"{at}.data", "one resource (Type/id), meaning instance; write a provision for each")
        return None
    return ref


def person_of(issues: Issues, node: Node, at: str) -> Person | None:
    """Return the one person that a provision is about: by our number for them, or by their own record."""
    actors = objects(issues, node, "actor", at)
    if not actors:
        return None
    reference = actors[0].get("reference")
    role, who = actors[0].get("role"), reference if isinstance(reference, dict) else {}
    if len(actors) > 1 or not has_code(role, terms.RECIPIENT):
        issues.add("not-supported", f"{at}.actor", "one actor, in the role IRCP; write a provision for each person")
    identifier = who.get("identifier")
    code = identifier.get("value") if isinstance(identifier, dict) and identifier.get("system") == terms.PERSON else None
    type_, _, rid = str(who.get("reference", "")).partition("/")
    if not isinstance(code, str) and not (type_ == "RelatedPerson" and rid):
        issues.add("not-found", f"{at}.actor.reference", f"a RelatedPerson, or an identifier of {terms.PERSON}")
    return Person(code=code if isinstance(code, str) else "", related_rid=rid if type_ == "RelatedPerson" and rid else None)


def category_of(node: Node) -> str | None:
    """Return the category of people that is meant, if it is one."""
    actors = node.get("actor")
    if not isinstance(actors, list) or len(actors) != 1 or not isinstance(actors[0], dict):
        return None
    reference = actors[0].get("reference")
    identifier = reference.get("identifier") if isinstance(reference, dict) else None
    if not isinstance(identifier, dict) or identifier.get("system") != terms.CATEGORY:
        return None
    return str(identifier.get("value"))


def period_of(issues: Issues, node: Node, name: str, at: str) -> tuple[datetime | None, datetime | None]:
    """Return the two ends of a period, each if it has it."""
    period = node.get(name, {})
    if not isinstance(period, dict):
        issues.add("structure", f"{at}.{name}", "a Period")
        return None, None
    issues.only(period, f"{at}.{name}", frozenset({"start", "end"}))
    start = _moment(issues, period, "start", f"{at}.{name}", moment)
    end = _moment(issues, period, "end", f"{at}.{name}", lambda text: moment(text, end=True))
    if start is not None and end is not None and end <= start:
        issues.add("value", f"{at}.{name}", "it ends before it begins")
    return start, end


def _moment(issues: Issues, node: Node, name: str, at: str, parse: Callable[[str], datetime]) -> datetime | None:
    if name not in node:
        return None
    try:
        return parse(str(node[name]))
    except ValueError:
        issues.add("value", f"{at}.{name}", "a dateTime, no finer than microseconds")
        return None


def is_suspended(issues: Issues, node: Node, at: str) -> bool:
    """Tell whether the permission is set aside."""
    found = objects(issues, node, "modifierExtension", at)
    for one in found:
        if one != {"url": terms.SUSPENDED, "valueBoolean": True}:
            issues.add("not-supported", f"{at}.modifierExtension", f"only {terms.SUSPENDED}, true")
    return bool(found)


def extensions_of(issues: Issues, node: Node, at: str) -> Node:
    """Return the parts of a Right that its extensions carry."""
    found: Node = {}
    for one in objects(issues, node, "extension", at):
        name, value = _extension(one)
        if name is None or name in found:
            issues.add(
                "not-supported",
                f"{at}.extension",
                "an extension that we don't know, twice the same, or a value that it can't have",
            )
        else:
            found[name] = value
    return found


def _extension(one: Node) -> tuple[str | None, Any]:
    url, values = one.get("url"), {name: value for name, value in one.items() if name != "url"}
    match url, values:
        case terms.BASIS, {"valueCode": str(basis)} if basis in BASES:
            return "basis", cast("Basis", basis)
        case terms.REPRESENTATIVE, {"valueIdentifier": {"system": terms.PERSON, "value": str(code)}}:
            return "representative", code
        case terms.PARENTAL, {"valueBoolean": bool(parental)}:
            return "parental", parental
        case terms.CONFIRMED, {"valueDateTime": str(text)}:
            try:
                return "confirmed_at", moment(text)
            except ValueError:
                return None, None
    return None, None
