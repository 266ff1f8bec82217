"""Links by letter, rights, mandates and the review list as an operator types them, delivered to a sample portal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import yaml
from typer.testing import CliRunner

from api.cli import forbid
from api.cli.app import app
from api.cli.leaving import leaving
from api.opening import Installation, open_installation
from gateway.consent.codes import redeem_code
from gateway.consent.reasons import EXCLUSIONS, STOPS
from tests.integration.delivery_world import ROOT, RunningPortal, running_portal
from tests.integration.store_world import SYSTEM, Ticking, World, filled
from tests.kills.stage import await_condition


@dataclass(frozen=True, kw_only=True)
class Desk:
    """An installation with one client, and the command line at hand."""

    config: Path
    installation: Installation
    portal: RunningPortal

    @property
    def org(self) -> int:
        return self.installation.org(None)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command as ``main`` does; return its exit code and all that it said."""
        done = CliRunner().invoke(app, ["--config", str(self.config), "--state", str(self.config.parent), *arguments])
        if not isinstance(done.exception, Exception):
            return done.exit_code, done.output
        code, text = leaving(done.exception)
        return code, f"{done.output}{text}\n"

    def say(self, *arguments: str) -> str:
        code, said = self.run(*arguments)
        assert code == 0, said
        return said

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.say(*arguments, "--json").splitlines()]

    def redeem(self, code: str) -> str:
        """Come with a code as the portal does; return the member."""
        found = redeem_code(self.installation.gateway, self.org, portal="familie", code=code, account=str(uuid4()), page=uuid4())
        return found.member


@pytest.fixture(scope="module")
def desk(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch, running_portal(folder) as portal:
        patch.setenv("DATABASE_URL", module_database_url)
        secret = folder / "ons.pem"
        secret.touch(mode=0o600)
        source = {"code": "ons", "connector": "ons", "system": SYSTEM}
        source["settings"] = {"base_url": "http://127.0.0.1:9", "secrets": {"certificate": str(secret)}}  # type: ignore[assignment]
        token = folder / "familie.token"
        token.touch(mode=0o600)
        token.write_text("token-of-familie\n")
        place = {"code": "familie", "connector": "member-fhir", "settings": portal.settings(), "bearer": str(token)}
        organisation = {"code": "delinde", "name": "Thuiszorg De Linde", "sources": [source], "portals": [place]}
        config = folder / "zorgsluis.yaml"
        config.write_text(yaml.safe_dump({"organisations": [organisation]}))
        with open_installation(config, state=folder) as installation:
            desk = Desk(config=config, installation=installation, portal=portal)
            _fill(desk)
            yield desk


def _fill(desk: Desk) -> None:
    gateway, org = desk.installation.gateway, desk.org
    with gateway.database.transaction(org) as db:
        source = db.execute("select id from source").fetchone()
    assert source is not None
    world = World(
        database=gateway.database, clock=Ticking(), gateway=gateway, keys=gateway.keys(org), org=org, source_id=int(source.id)
    )
    filled(world)
    # As the shipped class map names it.
    world.store(world.report("1", employee="7", class_="report/101"))


@pytest.mark.row("C3")
def test_a_letter_is_printed_once_and_its_use_shows_in_the_states(desk: Desk) -> None:
    assert [(one["state"], one["days"]) for one in desk.lines("link", "states")] == [("not-linked", None)]
    said = desk.say("link", "code", "1001", "50", "--level", "basic")
    code = said.splitlines()[0]
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code)
    assert [(one["state"], one["days"]) for one in desk.lines("link", "states")] == [("invited", 0)]

    member = desk.redeem(code)

    assert [(one["state"], one["days"]) for one in desk.lines("link", "states", "--client", "1001")] == [("active", None)]
    assert [one["state"] for one in desk.lines("link", "states", "--client", "4711")] == ["unknown"]
    assert [(one["member"], one["level"]) for one in desk.lines("link", "list")] == [(member, "basic")]
    assert "no unused code" in desk.say("link", "revoke", "1001", "50")


@pytest.mark.row("C3")
def test_serve_tells_where_the_portal_api_is_and_a_letter_redeemed_there_reaches_the_portal(desk: Desk) -> None:
    code = desk.say("link", "code", "1001", "55", "--level", "private-medical").splitlines()[0]
    forget_a_task(desk)
    with served(desk) as address:
        asked = {"code": code, "account": "acc-55", "page": str(uuid4())}
        headers = {"Authorization": "Bearer token-of-familie"}
        answer = httpx2.post(f"{address}links", json=asked, headers=headers, trust_env=False)
        assert answer.status_code == 201, answer.text
        member = answer.json()["member"]
        await_condition(lambda: any(name.startswith("Observation/") for name in desk.portal.holds(member)))
        assert httpx2.post(f"{address}links", json=asked, trust_env=False).status_code == 401
        assert httpx2.get(address.removesuffix("portal/"), trust_env=False).status_code == 401
        # The clock turns here too, without anybody asking.
        await_condition(lambda: count_of_tasks(desk) == 1)
    desk.say("grant", "withdraw", "1001", "56")


def forget_a_task(desk: Desk) -> None:
    """Leave a right that outlived its mandate, and nobody told."""
    desk.say("link", "add", "1001", "56")
    number = desk.say("grant", "representation", "add", "1001", "61", "mentor").split()[-1]
    desk.say("grant", "set", "1001", "56", "basic", "--basis", "representative", "--representative", "61")
    desk.say("grant", "representation", "end", "1001", number)
    with desk.installation.gateway.database.transaction(desk.org) as db:
        db.execute("delete from task")


def count_of_tasks(desk: Desk) -> int:
    with desk.installation.gateway.database.transaction(desk.org) as db:
        row = db.execute("select count(*) as n from task where kind = 'mandate-ended' and closed_at is null").fetchone()
    return int(row.n) if row else 0


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """Run the real ``zorgsluis serve``; yield the address of its portal API."""
    command = [
        sys.executable,
        "-m",
        "api.cli",
        "--config",
        str(desk.config),
        "--state",
        str(desk.config.parent),
        "serve",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if '"serve.listening"' in line)
            rest = threading.Thread(target=process.stderr.read)
            rest.start()
            yield json.loads(line)["portal_api"]
        finally:
            process.terminate()
            rest.join()


def test_a_page_is_listed_handed_over_and_closed(desk: Desk) -> None:
    for earlier in desk.lines("link", "page", "list"):
        desk.run("link", "page", "close", earlier["page"])
    code = desk.say("link", "code", "1001", "52").splitlines()[0]
    desk.redeem(code)
    page = desk.lines("link", "page", "list")[-1]
    assert (page["portal"], page["client"], page["administrator"]) == ("familie", "1001", "52")
    assert desk.run("link", "page", "hand-over", page["page"], "404")[0] == 2

    desk.say("link", "add", "1001", "53")
    desk.say("link", "page", "hand-over", page["page"], "53")
    assert desk.lines("link", "page", "list")[-1]["administrator"] == "53"
    desk.say("link", "page", "close", page["page"])
    assert desk.lines("link", "page", "list")[-1]["closed_at"] is not None
    assert desk.run("link", "page", "close", page["page"])[0] == 2


def test_a_right_is_set_narrowed_suspended_resumed_ended_and_withdrawn_at_the_portal(desk: Desk) -> None:
    member = desk.say("link", "add", "1001", "51").strip()

    def held() -> set[str]:
        return {name.partition("/")[0] for name in desk.portal.holds(member)}

    desk.say("grant", "set", "1001", "51", "private-medical", "--class", "report", "--until", "2999-12-31")
    assert "Observation" in held()
    assert "Appointment" not in held()
    desk.say("grant", "change", "1001", "51", "--every-class")
    assert {"Observation", "Appointment"} <= held()
    assert "to retract" in desk.say("grant", "suspend", "1001", "51")
    assert held() == set()
    desk.say("grant", "resume", "1001", "51")
    assert "Observation" in held()
    number = re.search(r"exclusion (\d+)", desk.say("grant", "exclude", "1001", "--reason", "good-care", "--class", "report"))
    assert number
    assert "Observation" not in held()
    assert [one["reason_code"] for one in desk.lines("grant", "exclusions", "1001")] == ["good-care"]
    desk.say("grant", "lift", "1001", number[1])
    assert "Observation" in held()
    desk.say("grant", "end", "1001", "51", "--on", "2999-01-01")
    assert "Observation" in held()
    desk.say("grant", "stop", "1001", "--because", "client-asked", "--freeze")
    assert "Observation" in held()
    desk.say("grant", "restart", "1001")
    desk.say("grant", "withdraw", "1001", "--everybody")
    assert held() == set()


def test_every_change_can_be_told_without_being_saved(desk: Desk) -> None:
    desk.say("link", "add", "1001", "57")
    desk.say("grant", "set", "1001", "57", "private-medical")
    shown = desk.lines("link", "list")

    for command, counts in (
        ("set 1001 57 none", "taken back"),
        ("change 1001 57 --class calendar", "taken back"),
        ("suspend 1001 57", "taken back"),
        ("withdraw 1001 --everybody", "taken back"),
        ("end 1001 57", "taken back"),
        ("end 1001 57 --on 2999-01-01", "Nothing happens now; at 2999-01-02 00:00"),
        ("exclude 1001 --reason safety --class report", "taken back"),
        ("stop 1001 --because incident", "taken back"),
        ("stop 1001 --because end-of-care --on 2999-01-01", "Nothing happens now; at 2999-01-02 00:00"),
    ):
        assert counts in desk.say("grant", *command.split(), "--simulate")

    assert desk.lines("link", "list") == shown
    assert desk.lines("grant", "exclusions", "1001") == []
    desk.say("grant", "withdraw", "1001", "57")


def test_the_reasons_that_the_help_names_are_those_there_are() -> None:
    assert forbid.EXCLUSIONS.replace(" or ", ", ").split(", ") == list(EXCLUSIONS)
    assert forbid.STOPS.replace(" or ", ", ").split(", ") == list(STOPS)


def test_a_mandate_that_ends_comes_on_the_review_list_until_it_is_dealt_with(desk: Desk) -> None:
    desk.say("link", "add", "1001", "54")
    number = desk.say("grant", "representation", "add", "1001", "60", "mentor").split()[-1]
    listed = desk.lines("grant", "representation", "list", "1001")[-1]
    assert (listed["person"], listed["scope"], listed["live"]) == ("60", ["care", "medical"], True)
    desk.say("grant", "set", "1001", "54", "basic", "--basis", "representative", "--representative", "60")
    assert desk.lines("grant", "review") == []

    desk.say("grant", "representation", "end", "1001", number)

    (found,) = desk.lines("grant", "review", "--client", "1001")
    assert (found["what"], found["persons"]) == ("mandate-ended", ["54"])
    desk.say("grant", "withdraw", "1001", "54")
    assert desk.lines("grant", "review") == []


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("link code 4711 50", "no client of that number"),
        ("link code 1001 50 --level all", "there are: none, basic, private-medical"),
        ("link code 1001 50 --class raport", "report"),
        ("link code 1001 50 --portal x", "there are: familie"),
        ("link revoke 1001 404", "no person of that number"),
        ("link states --client", "requires an argument"),
        ("link page close 12", "valid UUID"),
        ("link page close 2c6085a7-b969-4c02-83e8-621591fd40c5", "link page list"),
        ("grant set 1001 50 basic --class raport", "report"),
        ("grant set 1001 50 basic --until soon", "2026-05-01"),
        ("grant set 1001 50 basic --basis friend", "representative"),
        ("grant set 1001 50 basic --basis representative", "who gives it"),
        ("grant set 1001 50 basic --basis representative --representative 404", "grant representation add"),
        ("grant change 1001 50", "--every-class"),
        ("grant withdraw 1001", "--everybody"),
        ("grant withdraw 1001 50 --everybody", "--everybody"),
        ("grant suspend 1001 404", "no person of that number"),
        ("grant confirm 1001 50", "parent's authority"),
        ("grant exclude 1001", "--reason"),
        ("grant exclude 1001 --reason other --resource Observation/404", "no such resource"),
        ("grant lift 1001 404", "grant exclusions"),
        ("grant stop 1001 --because death --on 2026-05-01", "end of care"),
        ("grant settle 404", "grant review"),
        ("grant set 1001 50 basic --from 2999-05-02 --until 2999-05-01", "before it begins"),
        ("grant set 1001 50 basic --until 2020-01-01", "grant withdraw"),
        ("grant set 1001 50 basic --data-from 2026-11-15 --data-until 2026-11-10", "before it begins"),
        ("grant end 1001 50 --on 2020-01-01", "grant withdraw"),
        ("grant exclude 1001 --reason nee", "good-care, client-asked"),
        ("grant exclude 1001 --reason other --until 2020-01-01", "ended already"),
        ("grant stop 1001 --because boos", "death, end-of-care"),
        ("grant simulate 1001 404 basic", "link add 1001 404"),
        ("grant simulate 1001 50 basic --until 2020-01-01", "grant withdraw"),
        ("link code 1001 Jansen", "no person's number"),
        ("grant ask 1001 --provider 12345678 --category V4 --data GGC001", "add one under registries"),
        ("grant ask 1001 --provider 12345678 --category V4", "--data"),
        ("grant representation add 1001 50 friend", "parent-authority"),
        ("grant representation add 1001 50 mentor --scope all", "medical"),
        ("grant representation add 1001 50 mentor --until 2020-01-01", "ended already (2020-01-02 00:00)"),
        ("grant representation add 1001 Jansen mentor", "no person's number"),
        ("grant representation end 1001 404", "grant representation list"),
        ("link add 1001 Jansen", "no person's number"),
        ("audit export --client 1001 --since 2026-07-01 --until 2026-01-01", "--until that is after --since"),
    ],
)
def test_what_is_typed_wrong_says_what_and_what_to_do(desk: Desk, command: str, says: str) -> None:
    desk.say("link", "add", "1001", "50")
    code, said = desk.run(*command.split())

    assert (code, says in " ".join(said.replace("│", " ").split())) == (2, True), said
