"""Reports and measurements: one stream at the ECD, told apart by ``reportTypeId``."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from samples.ecd.chance import dice, new_uuid, often, one
from samples.ecd.measurements import MEASURES
from samples.ecd.organisation import CARERS, NURSES, staff
from samples.ecd.people import Profile
from samples.ecd.records import Record, World
from samples.ecd.report_text import escape, from_portal, soap_line, write
from samples.ecd.scenes import SOAP_CASES
from samples.ecd.times import at, stamp

TEXT, WEIGHT, SOAP, UNAGREED = 101, 102, 315, 999

#: How many reports of a type a client has in sixty days; the second figure is for the condition named with it.
PER_60_DAYS: tuple[tuple[int, float, float, frozenset[str]], ...] = (
    (TEXT, 27, 27, frozenset()),
    (109, 1.5, 2.5, frozenset({"wond", "hartfalen", "nierfalen"})),
    (110, 2, 2, frozenset()),
    (111, 2, 2, frozenset()),
    (WEIGHT, 3, 8, frozenset({"hartfalen", "nierfalen"})),
    (103, 4, 7, frozenset({"hartfalen", "cva"})),
    (104, 1.5, 3, frozenset({"wond", "blaas"})),
    (105, 0, 14, frozenset({"diabetes"})),
    (108, 0, 3, frozenset({"parkinson", "blaas"})),
    (311, 0, 7, frozenset({"copd", "hartfalen"})),
    (314, 0.5, 5, frozenset({"artrose", "wond"})),
    (SOAP, 2, 2, frozenset()),
    (UNAGREED, 0.1, 0.1, frozenset()),
)

CONFIDENTIAL, HIDDEN, PORTAL, SOAP_PART = 0.04, 0.025, 0.03, 0.12
SOAP_PARTS = ("subjective", "objective", "assessment", "plan")
HIDING_REASONS = ("Op verzoek van cliënt", "Verkeerde cliënt", "Dubbel ingevoerd")
NURSES_ONLY = (1, 3)


def fill_reports(world: World, profiles: list[Profile]) -> None:
    """Add every client's reports of the past days."""
    carers, nurses = staff(world, CARERS), staff(world, NURSES)
    for profile in profiles:
        rng = dice(world.seed, "reports", profile.client)
        for report_type, when in _moments(world, rng, profile):
            author = one(rng, carers if report_type in {TEXT, 102, 103, 104, 105, 108} else nurses)
            world["reports"].put(new_report(world, rng, profile, report_type, when, author))


def _moments(world: World, rng: Random, profile: Profile) -> list[tuple[int, datetime]]:
    """Return what is reported when, oldest first."""
    found = [
        (report_type, _moment(world, rng, report_type))
        for report_type, usual, special, conditions in PER_60_DAYS
        for _ in range(often(rng, (special if conditions & profile.conditions else usual) * world.days / 60))
    ]
    return sorted(found, key=lambda item: item[1])


def _moment(world: World, rng: Random, report_type: int) -> datetime:
    day = world.today - timedelta(days=1 + int(rng.random() * world.days))
    hours = (7.0, 11.5) if report_type in MEASURES or rng.random() < 0.65 else (12.0, 22.5)
    return at(day, int(rng.uniform(*hours) * 60))


def new_report(world: World, rng: Random, profile: Profile, report_type: int, when: datetime, author: Record) -> Record:
    """Make the next report. Its number comes from the world's counter, all else from the dice."""
    world.last_report += 1
    created = when + timedelta(minutes=int(rng.random() * 20), milliseconds=int(rng.random() * 1000))
    changed = created + timedelta(hours=int(rng.random() * 30)) if rng.random() < 0.06 else created
    report = _blank(world, rng, profile, report_type, when, author)
    report["createdAt"] = stamp(created)
    report["updatedAt"] = stamp(min(changed, max(world.now, created)))
    _content(report, rng, profile, report_type, when)
    _visibility(report, rng, profile)
    return report


def _blank(world: World, rng: Random, profile: Profile, report_type: int, when: datetime, author: Record) -> Record:
    return {
        "id": world.last_report,
        "uuid": new_uuid(rng),
        "reportingDate": stamp(when),
        "comment": "",
        "flagged": rng.random() < 0.03,
        "confidential": False,
        "hidden": False,
        "hidingReason": None,
        "parentId": None,
        "parentType": None,
        "carenId": None,
        "carenName": None,
        "carenRole": None,
        "status": "FINAL",
        "clientId": profile.client,
        "employeeId": author["id"],
        "reportTypeId": report_type,
        "carePlanEntryId": None,
        "reportEntries": [],
        "expertiseProfile": author["expertiseProfiles"][0],
        "reportActions": [],
        "reportAuthorizations": [],
        "soapReportEntries": [],
        "episodeIds": [],
        "restrictiveMeasureId": None,
        "createdAt": "",
        "updatedAt": "",
        "createdBy": author["id"],
    }


def _content(report: Record, rng: Random, profile: Profile, report_type: int, when: datetime) -> None:
    if report_type in MEASURES:
        drift = (profile.client % 5 - 2) * when.timetuple().tm_yday / 300
        report["reportEntries"] = MEASURES[report_type](rng, profile, drift)
        report["comment"] = escape(_remark(rng))
    elif report_type == SOAP:
        case = int(rng.random() * SOAP_CASES)
        report["soapReportEntries"] = [_soap_entry(rng, profile, part, case) for part in _parts(rng)]
    else:
        report["comment"] = escape(write(rng, profile, report_type, when.hour))


def _remark(rng: Random) -> str:
    if rng.random() < 0.85:
        return ""
    return one(
        rng,
        (
            "'s Ochtends nuchter gemeten.",
            "Na het ontbijt.",
            "Met kleren aan.",
            "Tweede meting na 5 min. rust.",
            "Rustig & zittend.",
        ),
    )


def _parts(rng: Random) -> tuple[str, ...]:
    return SOAP_PARTS if rng.random() < 0.8 else SOAP_PARTS[:2] + SOAP_PARTS[3:]


def _soap_entry(rng: Random, profile: Profile, part: str, case: int) -> Record:
    return {
        "soapPart": part,
        "confidential": False,
        "content": escape(soap_line(rng, profile, part, case)),
        "expertiseProfileIds": [],
    }


def _visibility(report: Record, rng: Random, profile: Profile) -> None:
    """Mark some reports confidential, hidden, or written by the family in the portal."""
    if report["reportTypeId"] in {TEXT, 111} and rng.random() < PORTAL:
        _from_portal(report, rng, profile)
    if report["reportTypeId"] == SOAP and rng.random() < SOAP_PART:
        close_part(one(rng, report["soapReportEntries"]), report["id"])
    if rng.random() < CONFIDENTIAL:
        make_confidential(report)
    if rng.random() < HIDDEN:
        hide(report, one(rng, HIDING_REASONS))
    if report["reportTypeId"] == UNAGREED:
        report["comment"] += f" {canary(report['id'])}"


def _from_portal(report: Record, rng: Random, profile: Profile) -> None:
    report["carenId"] = 900_000 + profile.client
    report["carenName"] = profile.contact.split(" ", 1)[1]
    report["carenRole"] = "care_giver"
    report["comment"] = escape(from_portal(rng, profile))


def canary(number: int, part: str = "") -> str:
    """Return the word that no family portal may ever hold: one for each thing that stays at the provider."""
    return f"KANARIE-{number}{part}"


def close_part(entry: Record, number: int) -> None:
    """Make one line of a SOEP report confidential."""
    entry["confidential"] = True
    entry["expertiseProfileIds"] = list(NURSES_ONLY)
    entry["content"] += f" {canary(number, '-' + entry['soapPart'])}"


def make_confidential(report: Record) -> None:
    """Make a report confidential; of SOEP that is the same as every line being so."""
    report["confidential"] = True
    report["reportAuthorizations"] = [
        {"expertiseProfileId": identity, "expertiseGroupObjectId": None} for identity in NURSES_ONLY
    ]
    for entry in report["soapReportEntries"]:
        if not entry["confidential"]:
            close_part(entry, report["id"])
    if not report["soapReportEntries"]:
        report["comment"] = f"{report['comment']} {canary(report['id'])}".strip()


def hide(report: Record, reason: str) -> None:
    """Hide a report, as one does with what should not have been written."""
    report["hidden"] = True
    report["hidingReason"] = reason
    token = canary(report["id"], "-V")
    report["comment"] = f"{report['comment']} {token}".strip()
    lines = report["soapReportEntries"]
    report["soapReportEntries"] = [{**line, "content": f"{line['content']} {token}"} for line in lines]
