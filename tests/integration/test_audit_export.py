"""What a client is shown of who did what with their data: the items of NEN 7513, and nothing that identifies anybody by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import consent
from gateway.audit import AuditEvent, append
from gateway.audit_export import KINDS, export, in_dutch
from gateway.audit_roles import KNOWN
from gateway.errors import NotFound, Rejected
from gateway.messages import messages
from gateway.trace import trace
from tests.integration.store_world import World, open_world


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    opened.store(opened.patient(bsn="999911120", family="Onbekend-Achternaam"), opened.relation("50"), opened.report("1"))
    opened.link("50", "private-medical")
    opened.deliver()
    yield opened
    opened.database.close()


def exported(world: World, **period: Any) -> list[dict[str, Any]]:
    return list(export(world.gateway, world.org, client="1001", by="privacy officer", **period))


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["subtype"][0]["code"] == name]


def test_each_act_says_who_for_whom_which_data_by_which_permission_and_why(world: World) -> None:
    grant = world.one("select id from trust_grant").id
    events = exported(world)

    decided = [name for event in events if (name := event["subtype"][0]["code"]) != "withheld"]
    assert decided == ["link", "grant", "export"]
    for event in named(events, "grant"):
        assert event["entity"][0]["what"]["reference"].startswith("Patient/")
    assert named(events, "export")[0]["agent"][0]["who"]["identifier"]["value"] == "privacy officer"
    policies = [policy for event in named(events, "grant") for policy in event["agent"][0]["policy"]]
    assert policies[-1].endswith(f"/grant/{grant}")


def test_what_was_given_names_the_recipient_the_resource_and_its_version(world: World) -> None:
    one = world.one(
        "select ledger.client_id, link_id, rkey, grant_id, resource.rid from disclosure_ledger ledger join resource using (rkey) "
        "where resource.rtype = 'Observation'"
    )
    detail = {
        "portal": "familie",
        "resource": f"Observation/{one.rid}",
        "version": 1,
        "projection": "whole",
        "grant": one.grant_id,
    }
    event = AuditEvent(
        event="delivery", action="U", agent="gateway", client_id=one.client_id, link_id=one.link_id, rkey=one.rkey, detail=detail
    )
    with world.database.transaction(world.org) as db:
        append(db, world.keys, world.org, [event])

    [delivery] = [
        one for one in named(exported(world), "delivery") if one["entity"][1]["what"]["reference"].startswith("Observation/")
    ]

    requestor, recipient, custodian = delivery["agent"]
    assert requestor["requestor"] is True
    assert as_what(delivery) == ("110150", "software")
    assert recipient["altId"] == "50"
    assert recipient["who"]["reference"].startswith("RelatedPerson/")
    assert custodian["who"]["identifier"]["value"] == world.one("select code from organisation where id = %s", world.org).code
    assert delivery["purposeOfEvent"][0]["coding"][0]["code"] == "SUPNWK"
    assert {part["type"] for part in delivery["entity"][2]["detail"]} >= {"version", "projection", "grant"}


def as_what(event: dict[str, Any]) -> tuple[str, str]:
    """The kind of actor and the role of who did it."""
    requestor = event["agent"][0]
    [role] = requestor["role"]
    return requestor["type"]["coding"][0]["code"], role["coding"][0]["code"]


@pytest.mark.parametrize(
    ("agent", "kind", "role"),
    [
        ("gateway", "110150", "software"),
        ("portal familie", "110150", "portal"),
        ("member 00000000-0000-4000-8000-000000000000", "humanuser", "member"),
        ("person 50", "humanuser", "member"),
        ("operator", "humanuser", "employee"),
        ("portal", "humanuser", "employee"),
        ("j. jansen", "humanuser", "employee"),
    ],
)
def test_who_did_something_did_it_in_a_role(world: World, agent: str, kind: str, role: str) -> None:
    client = world.one("select id from client").id
    with world.database.transaction(world.org) as db:
        append(db, world.keys, world.org, [AuditEvent(event="rights", action="R", agent=agent, client_id=client)])

    [event] = [one for one in named(exported(world), "rights") if one["agent"][0]["who"]["identifier"]["value"] == agent]

    assert as_what(event) == (kind, role)
    assert in_dutch(event)[3] == f"{agent} ({KNOWN[role].nl})"


def test_the_code_systems_of_the_trail_are_published_as_they_are_used() -> None:
    own = Path(__file__).parents[1] / "conformance" / "definitions" / "own"

    def published(name: str) -> dict[str, str]:
        concepts = json.loads((own / name).read_text(encoding="utf-8"))["concept"]
        return {concept["code"]: concept["display"] for concept in concepts}

    assert published("audit-role.json") == {role.code: role.en for role in KNOWN.values()}
    assert published("audit-event.json") == {code: kind.en for code, kind in KINDS.items()}


def test_what_is_held_back_is_told_by_count_and_reason_and_again_only_when_it_changes(world: World) -> None:
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")
    world.store(world.relation("50"))
    world.disclose()

    assert held_back(world)[-1] == {"level-too-low": "1"}
    told = len(held_back(world))

    world.store(world.report("1"))
    world.disclose()
    assert len(held_back(world)) == told

    world.store(world.report("2"))
    world.disclose()
    assert held_back(world)[told:] == [{"level-too-low": "2"}]


def held_back(world: World) -> list[dict[str, str]]:
    """What each event of its kind says, from its counts."""
    parts = [part for event in named(exported(world), "withheld") for part in event["entity"] if part.get("name") == "withheld"]
    return [{one["type"]: one["valueString"] for one in part["detail"]} for part in parts]


def test_looking_something_up_and_exporting_are_themselves_in_the_trail(world: World) -> None:
    report = world.one("select rid from resource where rtype = 'Observation'").rid
    trace(world.gateway, world.org, f"Observation/{report}", by="support")
    messages(world.gateway, world.org, kind="report", by="support")
    exported(world)

    looked = named(exported(world), "search")
    assert [event["agent"][0]["who"]["identifier"]["value"] for event in looked] == ["support"]
    assert "query" in looked[0]["entity"][-1]
    assert len(named(exported(world), "export")) == 3
    assert world.one("select count(*) as n from audit_event where event = 'search' and client_id is null").n == 1


def test_an_export_is_of_one_client_and_one_period(world: World) -> None:
    world.store(world.patient("1002"), world.relation("60", "1002"))
    world.link("60", "basic", client="1002")

    begun = world.clock.at
    world.clock.pass_time(days=2)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")

    assert not [event for event in exported(world) if "60" in [agent.get("altId") for agent in event["agent"]]]
    later = exported(world, since=begun.replace(hour=23))
    assert {event["subtype"][0]["code"] for event in later} <= {"grant", "withheld", "export"}
    assert [event["subtype"][0]["code"] for event in exported(world, until=begun)] == []
    with pytest.raises(NotFound):
        list(export(world.gateway, world.org, client="nobody"))


@pytest.mark.parametrize("hours", [0, 1])
def test_a_period_in_which_nothing_lies_is_refused_and_no_export_is_told(world: World, hours: int) -> None:
    since = world.clock.at
    with pytest.raises(Rejected, match="give an --until that is after --since"):
        exported(world, since=since, until=since - timedelta(hours=hours))

    assert len(named(exported(world), "export")) == 1  # the one that shows it


def test_nothing_in_an_export_is_a_name_a_text_or_a_bsn(world: World) -> None:
    everything = json.dumps(exported(world))

    assert "999911120" not in everything
    assert "Onbekend-Achternaam" not in everything


def test_the_table_for_the_client_says_in_dutch_what_was_done(world: World) -> None:
    lines = [in_dutch(event) for event in exported(world)]

    assert {line[1] for line in lines} >= {"naaste gekoppeld", "toestemming gewijzigd", "overzicht van inzage gemaakt"}
    assert all(line[0].startswith("2026-03-02 07:00") for line in lines)


def test_every_kind_of_event_about_a_client_has_words_for_the_client() -> None:
    root = Path(__file__).parents[2]
    named = {
        name
        for folder in ("gateway", "api")
        for path in (root / folder).rglob("*.py")
        for name in re.findall(r'\bevent="([a-z-]+)"', path.read_text(encoding="utf-8"))
    }

    assert named - set(KINDS) == set()
