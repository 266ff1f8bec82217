"""A Consent carried out: what it says beyond or instead of what is recorded becomes permissions and exclusions, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway import consent
from gateway.consent.terms import Terms
from gateway.consentfhir.elements import only_ours
from gateway.consentfhir.elsewhere import record_elsewhere, same_statements
from gateway.consentfhir.issues import Issue, Issues, Unacceptable
from gateway.consentfhir.load import Recorded, recorded
from gateway.consentfhir.read import read_consent
from gateway.consentfhir.records import Elsewhere, Prohibition, Right, Rights
from gateway.consentfhir.resolve import Resolver, resolver
from gateway.consentfhir.write import elsewhere_consent, rights_consent
from gateway.database import Connection
from gateway.errors import Conflict, NotFound, Rejected
from gateway.ledger import lock_client
from gateway.runtime import Gateway
from gateway.together import together

Body = dict[str, Any]
NESTED: Final = "Consent.provision.provision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What carrying out a Consent did: its present form, and whether anything changed."""

    body: Body
    changed: bool


def put_consent(gateway: Gateway, org: int, body: Body, *, version: str | None, by: str = "operator") -> Carried:
    """Make what is recorded equal to what a Consent says. ``version`` is that of the Consent it was made from; ``None``: there was none.

    What isn't permitted by it any more is withdrawn. Carrying out what was written out changes nothing.

    Raises:
        Unacceptable: it can't be carried out exactly; nothing was.
        Conflict: the Consent has another version by now, or there is one already.
    """
    wanted = read_consent(body)
    try:
        with together(gateway, org) as (one, db):
            found = _locked(db, wanted.patient)
            _ours(body, found)
            _same_version(found, wanted, version)
            changed = _carry_out(one, org, db, found, wanted, by)
            now = recorded(db, wanted.patient) or found
    except (NotFound, Rejected) as error:
        raise Unacceptable(Issue(code="business-rule", at="Consent", text=str(error))) from None
    return Carried(body=_form(now, wanted), changed=changed)


def _locked(db: Connection, patient: str) -> Recorded:
    found = recorded(db, patient)
    if found is None:
        raise Unacceptable(Issue(code="not-found", at="Consent.patient", text="no client with this Patient is known"))
    lock_client(db, found.client)
    # Read again: it may have changed while we waited.
    return recorded(db, patient) or found


def _ours(body: Body, found: Recorded) -> None:
    """Refuse what another organisation says: its rights are kept there, and what we answered would bear our name."""
    issues = Issues()
    only_ours(issues, body, found.place.organisation)
    issues.stop()


def _form(found: Recorded, wanted: Rights | Elsewhere) -> Body:
    """Return the same Consent as it is recorded."""
    if isinstance(wanted, Rights):
        return rights_consent(found.rights, found.place)
    return elsewhere_consent(found.of(wanted.source) or Elsewhere(patient=wanted.patient, source=wanted.source), found.place)


def _same_version(found: Recorded, wanted: Rights | Elsewhere, version: str | None) -> None:
    exists = found.has_rights if isinstance(wanted, Rights) else found.of(wanted.source) is not None
    if version is None and exists:
        raise Conflict("this Consent exists: change it with its version in If-Match")
    if version is not None and version != _form(found, wanted)["meta"]["versionId"]:
        raise Conflict("this Consent was changed meanwhile: read it again, and change that")


def _carry_out(gateway: Gateway, org: int, db: Connection, found: Recorded, wanted: Rights | Elsewhere, by: str) -> bool:
    issues = Issues()
    resolve = resolver(db, issues, found)
    if isinstance(wanted, Rights):
        return _rights(gateway, org, found, _resolved(resolve, wanted), issues, by)
    lines = [resolve(one, f"{NESTED}[{number}]") for number, one in enumerate(wanted.statements)]
    issues.stop()
    before = found.of(wanted.source)
    if same_statements(before.statements if before else (), lines):
        return False
    record_elsewhere(gateway, org, client=found.client, source=wanted.source, statements=lines, by=by)
    return True


def _resolved(resolve: Resolver, wanted: Rights) -> Rights:
    rights = [resolve(right, f"{NESTED}.where(type='permit')[{number}]") for number, right in enumerate(wanted.rights)]
    prohibitions = [resolve(one, f"{NESTED}.where(type='deny')[{number}]") for number, one in enumerate(wanted.prohibitions)]
    return replace(wanted, rights=tuple(rights), prohibitions=tuple(prohibitions))


def _rights(gateway: Gateway, org: int, found: Recorded, wanted: Rights, issues: Issues, by: str) -> bool:
    """Forbid first and lift last: nothing is shown on the way that isn't shown at the end."""
    forbidding, lifting = _prohibitions(issues, found, wanted)
    setting, withdrawing = _permissions(issues, found, wanted)
    issues.stop()
    for one in forbidding:
        _forbid(gateway, org, found.client, one, by)
    for code in withdrawing:
        consent.withdraw(gateway, org, client=found.client, person=code, by=by)
    for right in setting:
        _set(gateway, org, found.client, right, by)
    for number in lifting:
        consent.lift(gateway, org, client=found.client, exclusion=number, by=by)
    return bool(forbidding or withdrawing or setting or lifting)


def _forbid(gateway: Gateway, org: int, client: int, one: Prohibition, by: str) -> None:
    consent.exclude(
        gateway,
        org,
        client=client,
        reason_code=one.reason,
        set_by=by,
        person=one.person.code if one.person else None,
        class_=one.class_,
        resource=one.resource,
        valid_to=one.valid_to,
    )


def _set(gateway: Gateway, org: int, client: int, right: Right, by: str) -> None:
    terms: Terms = {
        "basis": right.basis,
        "representative": right.representative,
        "confirmed_at": right.confirmed_at,
        "status": "suspended" if right.suspended else "active",
        "classes": right.classes,
        "data_from": right.data_from,
        "data_to": right.data_to,
        "valid_from": right.valid_from,
        "valid_to": right.valid_to,
    }
    # What isn't said follows from the mandate.
    if right.parental:
        terms["parental"] = True
    consent.set_grant(gateway, org, client=client, person=right.person.code, level=right.level, granted_by=by, **terms)


def _permissions(issues: Issues, found: Recorded, wanted: Rights) -> tuple[list[Right], list[str]]:
    """Return what to set, and from whom to withdraw everything."""
    before, after = _by_person(found.rights.rights), _by_person(wanted.rights)
    setting = []
    for code, rights in after.items():
        if _equal(before.get(code, []), rights):
            continue
        if len(rights) > 1:
            issues.add("not-supported", NESTED, "one permission for each person")
        setting.append(rights[0])
    return setting, [code for code in before if code not in after]


def _by_person(rights: Iterable[Right]) -> dict[str, list[Right]]:
    found: dict[str, list[Right]] = defaultdict(list)
    for right in rights:
        found[right.person.code].append(right)
    return dict(found)


def _equal(before: list[Right], after: list[Right]) -> bool:
    return len(before) == len(after) and all(
        was == (asked if asked.valid_from is not None else replace(asked, valid_from=was.valid_from))
        for was, asked in zip(before, after, strict=True)
    )


def _prohibitions(issues: Issues, found: Recorded, wanted: Rights) -> tuple[list[Prohibition], list[int]]:
    """Return what to forbid besides, and which exclusions to lift."""
    rest = list(zip(found.rights.prohibitions, found.exclusions, strict=True))
    forbidding = []
    for asked in wanted.prohibitions:
        same = next(_matching(rest, asked), None)
        if same is not None:
            rest.remove(same)
            continue
        if asked.valid_from is not None:
            issues.add("business-rule", f"{NESTED}.period.start", "a new exclusion begins when it is recorded")
        forbidding.append(asked)
    return forbidding, [number for _, number in rest]


def _matching(rest: list[tuple[Prohibition, int]], asked: Prohibition) -> Iterator[tuple[Prohibition, int]]:
    for was, number in rest:
        if was == (asked if asked.valid_from is not None else replace(asked, valid_from=was.valid_from)):
            yield was, number
