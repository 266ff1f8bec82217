"""Why, what a right would do, and who sees what: as an operator types it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from starlette.applications import Starlette

from api.cli.moments import moment
from api.server import pages_server
from tests.e2e import test_cli_consent
from tests.e2e.test_cli_consent import Desk
from tests.integration.portal_api_world import _served as served

desk = test_cli_consent.desk


@pytest.fixture
def member(desk: Desk) -> str:
    """A member of the circle with the basic right."""
    found = desk.say("link", "add", "1001", "50").strip()
    desk.say("grant", "set", "1001", "50", "basic")
    return found


def report(desk: Desk) -> str:
    with desk.installation.gateway.database.transaction(desk.org) as db:
        row = db.execute("select rid from resource where rtype = 'Observation'").fetchone()
    assert row is not None
    return f"Observation/{row.rid}"


def test_a_class_is_explained_and_a_resource_in_both_languages(desk: Desk, member: str) -> None:
    said = desk.say("explain", member, "--class", "report")
    (answer,) = desk.lines("explain", member, report(desk))

    assert said.splitlines()[0] == "level-too-low"
    assert "nl  Deze persoon ziet dit niet" in said
    assert "en  This person does not see this" in said
    assert (answer["code"], answer["change"]) == ("level-too-low", "level-private-medical")


def test_an_earlier_day_is_explained_as_it_was(desk: Desk, member: str) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()

    (answer,) = desk.lines("explain", member, "--class", "calendar", "--at", "2999-01-01")
    code, said = desk.run("explain", member, report(desk), "--at", yesterday)

    assert answer["code"] == "grant"
    assert (code, said.splitlines()[0]) == (0, "not-known-then")


@pytest.mark.parametrize(
    "arguments",
    [["explain", "MEMBER"], ["explain", "MEMBER", "Patient/x", "--class", "report"], ["explain", "MEMBER", "--class", "x"]],
)
def test_what_can_not_be_explained_is_said(desk: Desk, member: str, arguments: list[str]) -> None:
    code, _ = desk.run(*(member if one == "MEMBER" else one for one in arguments))

    assert code == 2


def test_a_right_is_tried_before_it_is_given(desk: Desk, member: str) -> None:
    said = desk.say("grant", "simulate", "1001", "50", "private-medical")
    (told,) = desk.lines("grant", "simulate", "1001", "50", "private-medical")
    (again,) = desk.lines("grant", "simulate", "1001", "50", "private-medical")

    assert "voor deze persoon" in said
    assert "for this person" in said
    assert told == again
    assert told["classes"]["report"]["delivering"] == 1
    assert [(one["member"], one["level"]) for one in desk.lines("link", "list") if one["person"] == "50"] == [(member, "basic")]
    assert desk.run("grant", "simulate", "1001", "50", "everything")[0] == 2


@pytest.mark.parametrize("command", [["simulate"], ["set", "--simulate"]], ids=["simulate", "set"])
def test_what_the_end_of_a_right_takes_away_is_told_before_it_is_given(desk: Desk, member: str, command: list[str]) -> None:
    said = desk.say("grant", *command, "1001", "50", "private-medical", "--until", "2999-12-31")

    assert "nl  Als het afloopt, op 3000-01-01 00:00: +0 stukken voor deze persoon, " in said
    assert "en  When it ends, at 3000-01-01 00:00: +0 items for this person, " in said
    assert member not in said


def test_people_by_classes_are_a_table_and_lines(desk: Desk, member: str) -> None:
    said = desk.say("grant", "matrix", "1001")
    line = next(line for line in desk.lines("grant", "matrix", "1001") if line["person"] == "50")
    (before,) = {line["state"] for line in desk.lines("grant", "matrix", "1001", "--at", "2000-01-01")}

    assert said.splitlines()[0].split()[:4] == ["portal", "person", "state", "level"]
    assert (line["member"], line["level"], line["cells"]["report"]["code"]) == (member, "basic", "level-too-low")
    assert line["cells"]["report"]["withheld"] == {"level-too-low": 1}
    assert before == "not-yet"
    assert "Nothing was known then" in desk.say("grant", "matrix", "1001", "--at", "2000-01-01")
    assert desk.run("grant", "matrix", "4711")[0] == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-03-02", "2026-03-02T22:59:59.999999+00:00"),
        ("2026-07-02", "2026-07-02T21:59:59.999999+00:00"),
        ("2026-03-02T14:30", "2026-03-02T13:30:00+00:00"),
        ("2026-03-02T14:30:00Z", "2026-03-02T14:30:00+00:00"),
    ],
)
def test_a_day_is_its_last_moment_in_the_netherlands(typed: str, meant: str) -> None:
    found = moment(typed)
    assert found is not None
    assert found.isoformat() == meant


def test_what_is_no_moment_is_refused(desk: Desk, member: str) -> None:
    code, said = desk.run("grant", "matrix", "1001", "--at", "yesterday")

    assert (code, "2026-03-02T14:30" in said) == (2, True)


def test_the_server_has_the_fhir_interface_beside_its_pages(desk: Desk) -> None:
    application = pages_server(desk.installation, desk.installation.gateway, "the token").config.app
    assert isinstance(application, Starlette)

    with served(application) as address:
        refused = httpx2.get(f"{address}/fhir/Consent?patient=x", trust_env=False)
        found = httpx2.get(f"{address}/fhir/Consent?patient=x", headers={"Authorization": "Bearer the token"}, trust_env=False)
        page = httpx2.get(f"{address}/", trust_env=False)

    assert (refused.status_code, refused.json()["resourceType"]) == (401, "OperationOutcome")
    assert (found.status_code, found.json()["total"]) == (200, 0)
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (401, "text/html")
