"""A CareTeam carried out: who is left out loses their access, and another role is another level; in one transaction, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway import consent
from gateway.careteam import own_record, participants
from gateway.consentfhir.issues import Issue, Issues, Unacceptable
from gateway.consentfhir.readteam import Asked, Team, read_team
from gateway.database import Connection
from gateway.disclosure.classes import CARE_TEAM, OWN_SYSTEM
from gateway.disclosure.decide import Level
from gateway.errors import Conflict, NotFound, Rejected
from gateway.jsonbytes import loads
from gateway.ledger import lock_client
from gateway.runtime import Gateway
from gateway.together import together

Body = dict[str, Any]
LINKING: Final = (
    "People are linked by a letter with a code (zorgsluis link code) or by an invitation from the page's administrator; "
    "who is linked is in the CareTeam from then on, and their level can be changed here"
)
TEAM: Final = """
select resource.client_id, client.patient_rid as patient, resource.version, resource.deleted, resource.body
from resource join client on client.id = resource.client_id
where rtype = 'CareTeam' and system = %s and class_key = %s and rid = %s"""
# What stands of a person's rights: rights that have ended are over.
STANDING: Final = """
select trust_grant.id from trust_grant join person on person.id = person_id
where client_id = %s and person.code = %s and superseded_at is null and level <> 'none' and status in ('active', 'suspended')
  and (valid_to is null or valid_to > app_now())"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Linked:
    """One active link; ``record`` is the person's own record."""

    member: str
    person: str
    portal: str
    record: str | None
    level: str


def has_team(gateway: Gateway, org: int, id_: str) -> bool:
    """Tell whether an organisation has the CareTeam of this id."""
    with gateway.database.transaction(org) as db:
        row = _row(db, id_)
    return row is not None and not row.deleted


def put_care_team(gateway: Gateway, org: int, body: Body, *, version: str | None, by: str = "operator") -> Body:
    """Make links and levels equal to what a CareTeam says; return it as it is then. ``version`` is that of the one it was made from.

    Whose link is left out loses it, and with the last one every right. Of a right only the level changes; its classes and periods stay.

    Raises:
        Unacceptable: it can't be carried out exactly; nothing was.
        NotFound: there is no such CareTeam.
        Conflict: it has another version by now, or none was said.
    """
    wanted = read_team(body)
    with together(gateway, org) as (one, db):
        row = _locked(db, wanted)
        linked = _linked(one, org, db, row)
        _same_version(row, linked, version)
        asked = _matched(wanted, linked)
        try:
            _carry_out(one, org, db, row.client_id, linked, asked, by)
        except (NotFound, Rejected) as error:
            raise Unacceptable(Issue(code="business-rule", at="CareTeam", text=str(error))) from None
        _exactly(_linked(one, org, db, row), asked)
        return _form(row, _row(db, wanted.id))


def _row(db: Connection, id_: str) -> Any:
    return db.execute(TEAM, (OWN_SYSTEM, CARE_TEAM, id_)).fetchone()


def _locked(db: Connection, wanted: Team) -> Any:
    row = _row(db, wanted.id)
    if row is not None:
        lock_client(db, row.client_id)
        # Read again: it may have changed while we waited.
        row = _row(db, wanted.id)
    if row is None or row.deleted:
        raise NotFound(f"there is no such CareTeam. {LINKING}")
    if row.patient != wanted.patient:
        raise Unacceptable(Issue(code="business-rule", at="CareTeam.subject", text="this is the CareTeam of another Patient"))
    return row


def _linked(gateway: Gateway, org: int, db: Connection, team: Any) -> list[_Linked]:
    ids = gateway.keys(org).ids()
    return [
        _Linked(
            member=row.member,
            person=row.person,
            portal=row.portal,
            record=own_record(db, ids, team.client_id, team.patient, row),
            level=row.level,
        )
        for row in participants(db, team.client_id)
    ]


def _same_version(row: Any, linked: list[_Linked], version: str | None) -> None:
    """Refuse what was made from another CareTeam, or from one that time has overtaken a moment ago."""
    if version is None:
        raise Conflict("this CareTeam exists: change it with its version in If-Match")
    shown = {
        one["member"]["identifier"]["value"]: one["role"][0]["coding"][0]["code"] for one in loads(bytes(row.body))["participant"]
    }
    if version != str(row.version) or shown != {one.member: one.level for one in linked}:
        raise Conflict("this CareTeam was changed meanwhile: read it again, and change that")


def _matched(wanted: Team, linked: list[_Linked]) -> dict[str, tuple[_Linked, Asked]]:
    """Return the link that each participant means, by member."""
    issues, found, level_of = Issues(), dict[str, tuple[_Linked, Asked]](), dict[str, Level]()
    for asked in wanted.participants:
        meant = [one for one in linked if asked.member in (None, one.member) and asked.record in (None, one.record)]
        if not meant:
            issues.add("not-found", f"{asked.at}.member", f"nobody under this reference is linked to this client. {LINKING}")
        elif len(meant) > 1:
            issues.add(
                "business-rule",
                f"{asked.at}.member",
                "this person is linked at several portals: name the member by its identifier",
            )
        elif meant[0].member in found:
            issues.add("business-rule", f"{asked.at}.member", "this member is in it twice: leave one out")
        else:
            found[meant[0].member] = meant[0], asked
            if level_of.setdefault(meant[0].person, asked.level) != asked.level:
                issues.add(
                    "business-rule",
                    f"{asked.at}.role",
                    "this person has a member at each of several portals: give them one level",
                )
    issues.stop()
    return found


def _carry_out(
    gateway: Gateway,
    org: int,
    db: Connection,
    client: int,
    linked: list[_Linked],
    asked: dict[str, tuple[_Linked, Asked]],
    by: str,
) -> None:
    """Take away first and give last: nothing is shown on the way that isn't shown at the end."""
    staying = {one.person: (one, wish) for one, wish in asked.values()}
    gone = [one for one in linked if one.member not in asked]
    # Withdrawn and not only unlinked: what the care organisation took away, no administrator gives back.
    for person in dict.fromkeys(one.person for one in gone if one.person not in staying):
        consent.withdraw(gateway, org, client=client, person=person, by=by)
    for one in gone:
        consent.unlink(gateway, org, portal=one.portal, client=client, person=one.person, by=by)
    changed = [(one, wish) for one, wish in staying.values() if one.level != wish.level]
    for one, _ in (pair for pair in changed if pair[1].level == "none"):
        consent.withdraw(gateway, org, client=client, person=one.person, by=by)
    for one, wish in (pair for pair in changed if pair[1].level != "none"):
        _change(gateway, org, db, client, one, wish, by)


def _change(gateway: Gateway, org: int, db: Connection, client: int, one: _Linked, wish: Asked, by: str) -> None:
    standing = db.execute(STANDING, (client, one.person)).fetchall()
    if len(standing) > 1 or (standing and one.level == "none"):
        text = (
            "this person has several rights, or one that doesn't hold now: suspended, not begun, or given by who can't give it now. "
            "Change it in the Consent, or with zorgsluis grant"
        )
        raise Unacceptable(Issue(code="business-rule", at=f"{wish.at}.role", text=text))
    if standing:
        consent.change_grant(gateway, org, client=client, person=one.person, by=by, level=wish.level)
    else:
        consent.set_grant(gateway, org, client=client, person=one.person, level=wish.level, granted_by=by)


def _exactly(linked: list[_Linked], asked: dict[str, tuple[_Linked, Asked]]) -> None:
    """Undo everything unless the CareTeam now says what was asked: age, mandates and periods have their say in a level too."""
    issues, now = Issues(), {one.member: one.level for one in linked}
    for member, (_, wish) in asked.items():
        if now.get(member) != wish.level:
            text = f"this level wouldn't hold now: it would be {now.get(member, 'none')}. What stands in the way is told by zorgsluis explain"
            issues.add("business-rule", f"{wish.at}.role", text)
    issues.stop()


def _form(before: Any, now: Any) -> Body:
    """Return the CareTeam; when nobody is linked any more it is gone, and what is returned is that it has nobody in it."""
    if not now.deleted:
        return dict(loads(bytes(now.body)))
    body = {name: value for name, value in loads(bytes(before.body)).items() if name != "participant"}
    return {**body, "meta": {**body["meta"], "versionId": str(now.version)}}
