"""Why somebody sees something or doesn't: now, on an earlier day, and what single change would turn it round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway import consent
from gateway.disclosure.classes import import_class_map
from gateway.errors import NotFound
from gateway.insight.explain import Explanation, explain, explain_person
from tests.integration.store_world import CLASS_MAP, START, SYSTEM, World, filled, gone, open_world

LATER = START + timedelta(days=400)


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    filled(opened)
    yield opened
    opened.database.close()


@pytest.fixture
def report(world: World) -> str:
    return world.ref("Observation", "1")


def grant(world: World, level: str = "private-medical", person: str = "50", **rest: Any) -> object:
    return consent.set_grant(world.gateway, world.org, client="1001", person=person, level=level, **rest)


def put(world: World, statement: str, *values: object) -> object:
    """Change one row as an importer of a later day would."""
    return world.one(f"{statement} returning 1 as n", *values)


def record(world: World, table: str, **columns: object) -> object:
    """Record something about the client as of now."""
    columns = {
        "org": world.org,
        "client_id": world.client(),
        "recorded_at": world.clock(),
        "valid_from": world.clock(),
        **columns,
    }
    names = ", ".join(columns)
    return put(world, f"insert into {table} ({names}) values ({', '.join(['%s'] * len(columns))})", *columns.values())


def person_id(world: World, code: str) -> int:
    return int(world.one("select id from person where code = %s", code).id)


# The reason, and what would turn it round -----------------------------------------------------------------------------------------

Case = tuple[Callable[[World], object], str, str | None]
CASES: dict[str, Case] = {
    "seen": (grant, "grant", None),
    "no right": (lambda w: w.clock(), "no-grant", "level-private-medical"),
    "too low": (lambda w: grant(w, "basic"), "level-too-low", "level-private-medical"),
    "suspended": (lambda w: grant(w, status="suspended"), "grant-suspended", "unsuspend"),
    "begins later": (lambda w: grant(w, valid_from=LATER), "grant-outside-period", "period"),
    "too old for the right": (lambda w: grant(w, data_from=LATER), "before-data-period", "data-period"),
    "another class": (lambda w: grant(w, classes=["calendar"]), "class-not-in-grant", "class"),
    "excluded": (
        lambda w: (grant(w), consent.exclude(w.gateway, w.org, client="1001", reason_code="other", set_by="x", class_="report")),
        "excluded",
        "lift-exclusion",
    ),
    "objected to elsewhere": (
        lambda w: (grant(w), record(w, "external_consent", decision="deny", source_ref="register 1")),
        "excluded",
        "lift-objection",
    ),
    "stopped": (
        lambda w: (grant(w), consent.stop(w.gateway, w.org, client="1001", reason="other", freeze=False)),
        "client-stop",
        "resume",
    ),
    "end of care": (
        lambda w: (grant(w), put(w, "update client set end_of_care_at = %s where id = %s", w.clock(), w.client())),
        "client-stop",
        "resume",
    ),
    "link ended": (lambda w: (grant(w), put(w, "update link set state = 'ended' where org = %s", w.org)), "not-linked", "link"),
    "no step-up": (
        lambda w: (grant(w), put(w, "update portal set step_up = false where code = 'familie'")),
        "step-up-missing",
        "step-up",
    ),
    "no mandate": (lambda w: grant(w, basis="statutory"), "representation-missing", "representation"),
    "a parent's, unconfirmed": (
        lambda w: (
            grant(w),
            put(w, "update trust_grant set parental = true where org = %s and superseded_at is null", w.org),
            put(w, "update client set birth_date = '2013-05-01' where id = %s", w.client()),
        ),
        "age-gate",
        "confirm",
    ),
    "a child decided": (
        lambda w: (grant(w), put(w, "update client set birth_date = '2018-05-01' where id = %s", w.client())),
        "age-gate",
        "represented-private-medical",
    ),
    "confidential": (lambda w: (grant(w), w.store(w.report("1", labels=frozenset({"V"})))), "marked-confidential", None),
    "hidden": (lambda w: (grant(w), w.store(w.report("1", labels=frozenset({"hidden"})))), "hidden", None),
    "about another": (lambda w: (grant(w), w.store(w.report("1", labels=frozenset({"third-party"})))), "third-party-info", None),
    "withdrawn": (lambda w: (grant(w), w.store(gone(w.report("1")))), "resource-withdrawn", None),
    "for the provider": (lambda w: (grant(w), w.store(w.report("1", class_="incident"))), "not-in-audience", None),
    "unmapped": (lambda w: (grant(w), w.store(w.report("1", class_="unheard"))), "class-unmapped", None),
    "for nobody known": (lambda w: (grant(w), w.store(w.report("1", class_="message"))), "unlabelled", None),
    "from this portal": (lambda w: (grant(w), w.store(w.report("1", origin_portal="caren"))), "from-this-portal", None),
    "two things at once": (
        lambda w: (
            grant(w, status="suspended"),
            consent.exclude(w.gateway, w.org, client="1001", reason_code="other", set_by="x"),
        ),
        "excluded",
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_reason_is_the_views_own_with_the_one_change_that_would_turn_it_round(world: World, report: str, name: str) -> None:
    prepare, code, change = CASES[name]
    member = world.link("50")
    prepare(world)

    answer = explain(world.gateway, world.org, member, report, by="privacy officer")

    assert (answer.code, answer.change) == (code, change)
    event = world.one("select * from audit_event where event = 'explain'")
    assert (event.agent, event.detail["code"], event.detail["resource"]) == ("privacy officer", code, report)
    view = world.rows("select code, projection from disclosure_verdict join resource using (rkey) where rid = %s", report[12:])
    # What is deleted has no row there.
    if view or code != "resource-withdrawn":
        assert [tuple(row) for row in view] == [(code, answer.projection)]


def test_the_change_names_the_record_that_it_would_be_made_to(world: World, report: str) -> None:
    member = world.link("50", "private-medical")
    number = consent.exclude(world.gateway, world.org, client="1001", reason_code="other", set_by="x", class_="report")

    answer = explain(world.gateway, world.org, member, report)

    assert answer.deciding[-1] == {"change": "lift-exclusion", "exclusion": number}


def test_a_sentence_names_rights_and_classes_in_both_languages(world: World, report: str) -> None:
    member = world.link("50")
    grant(world, classes=["calendar"])

    answer = explain(world.gateway, world.org, member, report)

    assert answer.nl == (
        "Deze persoon ziet dit niet: de toestemming gaat niet over deze soort gegevens. "
        "Wel zichtbaar als de toestemming ook over rapportages gaat."
    )
    assert answer.en.endswith("Visible if the permission were about reports too.")


def test_a_part_is_said_to_be_a_part(world: World) -> None:
    member = world.link("50", "basic")

    answer = explain(world.gateway, world.org, member, world.ref("Appointment", "2@a"))

    assert (answer.code, answer.projection) == ("grant", "reduced")
    assert "een deel" in answer.nl


def test_another_clients_item_is_not_linked(world: World) -> None:
    world.store(world.patient("1002"), world.report("9", client="1002"))
    member = world.link("50", "private-medical")

    answer = explain(world.gateway, world.org, member, world.ref("Observation", "9"))

    assert (answer.code, answer.change) == ("not-linked", None)


@pytest.mark.parametrize("member", ["not a number", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_member_is_not_found(world: World, report: str, member: str) -> None:
    with pytest.raises(NotFound, match="no such member"):
        explain(world.gateway, world.org, member, report)


def test_a_person_is_explained_for_each_portal(world: World, report: str) -> None:
    members = [world.link("50", "private-medical", portal=portal) for portal in ("ander", "familie")]

    found = explain_person(world.gateway, world.org, client="1001", person="50", ref=report)

    assert [answer.member for answer in found] == members
    with pytest.raises(NotFound, match="never linked"):
        explain_person(world.gateway, world.org, client="1001", person="51", ref=report)


# A class -------------------------------------------------------------------------------------------------------------------------


def test_a_class_is_explained_by_an_ordinary_item_of_it(world: World) -> None:
    member = world.link("50", "basic")

    report = explain(world.gateway, world.org, member, class_="report")
    calendar = explain(world.gateway, world.org, member, class_="calendar")
    incident = explain(world.gateway, world.org, member, class_="incident")

    assert (report.code, report.change, report.class_) == ("level-too-low", "level-private-medical", "report")
    assert (calendar.code, calendar.projection) == ("grant", "reduced")
    assert (incident.code, incident.change) == ("not-in-audience", None)
    assert world.one("select count(*) as n from audit_event where detail ->> 'class' = 'calendar'").n == 1


def test_an_unknown_class_is_not_found_and_the_known_ones_are_named(world: World) -> None:
    member = world.link("50", "basic")

    with pytest.raises(NotFound, match=r"calendar.*report"):
        explain(world.gateway, world.org, member, class_="weather")


# What travels along --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Practitioner", "PractitionerRole", "Organization"])
@pytest.mark.parametrize("level", ["none", "basic", "private-medical"])
def test_a_directory_resource_is_explained_by_what_brings_it_along(world: World, kind: str, level: str) -> None:
    member = world.link("50", level)
    ref = world.ref(kind, "main" if kind == "Organization" else "7")

    answer = explain(world.gateway, world.org, member, ref)

    view = world.rows("select code from disclosure_verdict join resource using (rkey) where rid = %s", ref.split("/")[1])
    assert answer.code == (view[0].code if view else "no-grant")
    assert ("verwijst" in answer.nl) == (not view)
    assert any("brought_by" in one for one in answer.deciding) == bool(view)


# An earlier day ------------------------------------------------------------------------------------------------------------------


def told(world: World, member: str, ref: str, days: float) -> Explanation:
    return explain(world.gateway, world.org, member, ref, at=START + timedelta(days=days))


def test_rights_are_explained_as_they_were_recorded_then(world: World, report: str) -> None:
    member = world.link("50", "basic")
    world.clock.pass_time(days=10)
    grant(world)
    world.clock.pass_time(days=10)
    grant(world, "none")

    assert [told(world, member, report, day).code for day in (5, 15, 20)] == ["level-too-low", "grant", "no-grant"]
    assert told(world, member, report, 15).nl == "Op 17-03-2026 om 08:00: Deze persoon ziet dit: de toestemming dekt het."


def test_a_right_recorded_later_changes_nothing_about_the_days_before(world: World, report: str) -> None:
    member = world.link("50")
    world.clock.pass_time(days=10)
    grant(world, valid_from=START)

    assert [told(world, member, report, day).code for day in (5, 10)] == ["no-grant", "grant"]


def test_links_stops_and_exclusions_are_those_of_then(world: World, report: str) -> None:
    member = world.link("50", "private-medical")
    world.clock.pass_time(days=10)
    number = consent.exclude(world.gateway, world.org, client="1001", reason_code="other", set_by="x")
    world.clock.pass_time(days=10)
    consent.lift(world.gateway, world.org, client="1001", exclusion=number)
    world.clock.pass_time(days=10)
    consent.stop(world.gateway, world.org, client="1001", reason="other", freeze=False)
    world.clock.pass_time(days=10)
    consent.resume(world.gateway, world.org, client="1001")
    world.clock.pass_time(days=10)
    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="50")

    codes = [told(world, member, report, day).code for day in (5, 15, 25, 35, 45, 50)]
    assert codes == ["grant", "excluded", "grant", "client-stop", "grant", "not-linked"]


def test_the_class_map_is_that_of_then(world: World, report: str) -> None:
    member = world.link("50", "basic")
    world.clock.pass_time(days=10)
    with world.database.transaction(world.org) as db:
        import_class_map(db, world.org, SYSTEM, CLASS_MAP.replace(b"report,report,trust-group,,R", b"report,note,circle,whole,N"))

    assert [told(world, member, report, day).code for day in (5, 10)] == ["level-too-low", "grant"]
    assert explain(world.gateway, world.org, member, class_="report", at=START).code == "level-too-low"
    with pytest.raises(NotFound):
        explain(world.gateway, world.org, member, class_="report")


def test_an_item_is_judged_by_its_version_of_then(world: World, report: str) -> None:
    member = world.link("50", "private-medical")
    world.clock.pass_time(days=10)
    world.store(world.report("1", "anders", labels=frozenset({"hidden"})))
    world.clock.pass_time(days=10)
    world.store(gone(world.report("1")))

    answers = [told(world, member, report, day) for day in (5, 15, 20)]
    assert [answer.code for answer in answers] == ["grant", "hidden", "resource-withdrawn"]
    assert [answer.deciding[1]["version"] for answer in answers] == [1, 2, 3]


def test_of_an_item_that_was_not_there_yet_nothing_was_known_then(world: World) -> None:
    member = world.link("50", "private-medical")
    world.clock.pass_time(days=10)
    world.store(world.report("2"))

    answer = told(world, member, world.ref("Observation", "2"), 5)

    assert (answer.code, answer.change) == ("not-known-then", None)
    assert answer.nl == "Op 07-03-2026 om 08:00: hierover was toen nog niets bekend; dat is er sinds 12-03-2026 om 08:00."
    assert world.one("select detail from audit_event where event = 'explain'").detail["code"] == "not-known-then"
    with pytest.raises(NotFound):
        told(world, member, "Observation/nowhere", 5)


def test_before_the_first_sync_nothing_was_known_of_a_class_either(world: World) -> None:
    member = world.link("50", "private-medical")

    answer = explain(world.gateway, world.org, member, class_="report", at=START - timedelta(days=1))

    assert answer.code == "not-known-then"
    assert answer.en == "On 2026-03-01 at 08:00: nothing was known of this then; there is since 2026-03-02 at 08:00."
    with pytest.raises(NotFound, match="report"):
        explain(world.gateway, world.org, member, class_="weather", at=START - timedelta(days=1))


def test_a_link_that_was_not_there_yet_has_not_ended(world: World, report: str) -> None:
    world.clock.pass_time(days=10)
    member = world.link("50", "private-medical")

    answer = told(world, member, report, 5)

    assert (answer.code, answer.change, answer.deciding[0]["state"]) == ("not-linked", None, "not-yet")
    assert "er was nog geen koppeling" in answer.nl
    assert "since 2026-03-12 at 08:00" in answer.en


def test_a_version_of_before_its_facts_were_kept_is_judged_by_those_of_today_and_that_is_said(world: World, report: str) -> None:
    member = world.link("50", "private-medical")
    put(
        world,
        "update resource_history set class_key = null, audience = null, labels = null, data_at = null, withdrawn = null "
        "where rkey = (select rkey from resource where rid = %s)",
        report.split("/")[1],
    )
    world.clock.pass_time(days=10)
    world.store(world.report("1", "anders", labels=frozenset({"hidden"})))

    early, late = told(world, member, report, 5), told(world, member, report, 10)

    assert (early.code, early.deciding[1]["facts"]) == ("hidden", "of today: those of then were not kept")
    assert "facts" not in late.deciding[1]


def test_a_directory_resource_is_explained_by_the_rights_of_then(world: World) -> None:
    member = world.link("50", "basic")
    world.clock.pass_time(days=10)
    grant(world)

    assert [told(world, member, world.ref("Practitioner", "7"), day).code for day in (5, 10)] == ["no-grant", "grant"]


def test_the_trail_tells_which_day_was_asked_about(world: World, report: str) -> None:
    member = world.link("50", "private-medical")
    asked: datetime = START + timedelta(hours=1)

    explain(world.gateway, world.org, member, report, at=asked)

    assert world.one("select detail from audit_event where event = 'explain'").detail["as_of"] == asked.isoformat()
