"""The closed question to a register of consents, over HTTP to a sample of one: every answer, every failure, and what is left of it."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from connectors.consent.mitz import registry as connector
from gateway.consent.asking import Registry, ask
from gateway.errors import AuthError, GatewayError, Misconfigured, NotFound, PermanentError, Rejected, Throttled, TransientError
from gateway.registry import Answer, ConsentRegistry, Question
from tests.integration.delivery_world import ROOT, wait_for_text
from tests.integration.store_world import World, open_world

BSN = "999990019"
HOLDER = {"ura": "12345678", "category": "V6"}
CHOICES: list[dict[str, str]] = [
    {"bsn": BSN, "decision": "Permit", "category": "V4"},
    {"bsn": BSN, "decision": "Deny", "category": "V4", "data": "GGC002"},
    {"bsn": BSN, "decision": "Permit", "provider": "87654321", "data": "GGC002"},
    {"bsn": BSN, "decision": "Permit", "category": "Z3", "data": "GGC003"},
    {"bsn": BSN, "decision": "Deny", "category": "Z3", "data": "GGC003"},
]


@dataclass(frozen=True, kw_only=True)
class Register:
    """The sample register's process."""

    url: str

    def fail(self, how: str) -> None:
        httpx2.put(f"{self.url}/_sample/fault", content=how.encode(), trust_env=False).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        return list(httpx2.get(f"{self.url}/_sample/requests", trust_env=False).json())

    @property
    def place(self) -> Registry:
        return Registry(code="mitz", connector="mitz", settings={"base_url": self.url, "holder": HOLDER})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    folder = tmp_path_factory.mktemp("mitz")
    choices, ready = folder / "choices.jsonl", folder / "ready.json"
    choices.write_text("".join(json.dumps(choice) + "\n" for choice in CHOICES))
    command = [sys.executable, "-m", "samples.mitz", "--choices", str(choices), "--ready", str(ready), "--lifeline"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        yield Register(url=f"http://127.0.0.1:{json.loads(wait_for_text(ready, process))['port']}")
        process.terminate()


@pytest.fixture
def register(running: Register) -> Iterator[Register]:
    running.fail("")
    yield running
    running.fail("")


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    opened.store(opened.patient(bsn=BSN), opened.patient("1002"))
    yield opened
    opened.database.close()


def asked(world: World, register: Register, **other: str) -> Answer:
    values = {"client": "1001", "provider": "11112222", "category": "V4", "data": "GGC001", **other}
    return ask(world.gateway, world.org, register.place, by="zorgcentrale", **values)


def trail(world: World) -> list[tuple[str, Any]]:
    rows = world.rows("select event, detail, client_id from audit_event where event like 'consent-%%' order by at, seq")
    assert {row.client_id for row in rows} <= {world.client()}
    return [(row.event, row.detail.get("outcome")) for row in rows]


@pytest.mark.parametrize(
    ("other", "decision"),
    [
        ({}, "permit"),
        ({"data": "GGC002"}, "deny"),
        ({"data": "GGC002", "provider": "87654321"}, "permit"),
        ({"category": "Z3", "data": "GGC003"}, "deny"),
        ({"category": "H1"}, "deny"),
        ({"data": "GGC999"}, "indeterminate"),
    ],
)
def test_a_question_gets_the_registers_answer_and_two_rows_in_the_trail(
    world: World, register: Register, other: dict[str, str], decision: str
) -> None:
    found = asked(world, register, **other)

    assert (found.decision, found.status) == (decision, "missing-attribute" if decision == "indeterminate" else "ok")
    assert trail(world) == [("consent-question", None), ("consent-answer", decision)]
    assert world.one("select count(*) as n from external_consent").n == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("unauthorised", AuthError),
        ("throttled", Throttled),
        ("down", TransientError),
        ("slow", TransientError),
        ("garbled", PermanentError),
        ("two", PermanentError),
        ("unknown", PermanentError),
    ],
)
def test_no_answer_is_no_permission_and_is_in_the_trail(
    world: World, register: Register, monkeypatch: pytest.MonkeyPatch, fault: str, error: type[GatewayError]
) -> None:
    monkeypatch.setattr(connector, "PATIENCE_S", 0.5)
    register.fail(fault)

    with pytest.raises(error) as refused:
        asked(world, register)

    assert BSN not in str(refused.value)
    assert trail(world) == [("consent-question", None), ("consent-answer", refused.value.code)]
    if fault == "throttled":
        assert refused.value.retry_after == 7


def test_nobody_there_is_no_permission_either(world: World) -> None:
    nowhere = Registry(code="mitz", connector="mitz", settings={"base_url": "http://127.0.0.1:9", "holder": HOLDER})
    with pytest.raises(TransientError, match=r"Mitz at 127\.0\.0\.1:9 gave no answer .* base_url under registries"):
        ask(world.gateway, world.org, nowhere, client="1001", provider="11112222", category="V4", data="GGC001")

    assert trail(world) == [("consent-question", None), ("consent-answer", "transient")]


def test_the_bsn_is_in_the_body_and_nowhere_else(
    world: World, register: Register, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(register.requests())
    with caplog.at_level(logging.DEBUG):
        asked(world, register)

    (sent,) = register.requests()[before:]
    assert BSN in base64.b64decode(sent["body"]).decode()
    assert BSN not in sent["address"]
    assert BSN not in json.dumps(sent["headers"])
    said = capsys.readouterr()
    assert BSN not in caplog.text + said.out + said.err
    assert "mitz.answered" in said.out + said.err + caplog.text
    assert BSN not in str(world.rows("select detail::text as detail from audit_event"))
    assert BSN not in repr(Question(bsn=BSN, provider="1", category="V4", data="x"))


@pytest.mark.parametrize(
    ("other", "error", "says"),
    [
        ({"provider": "123"}, Rejected, "8 digits"),
        ({"category": "V 4"}, Rejected, "codes"),
        ({"data": ""}, Rejected, "codes"),
        ({"client": "1002"}, Rejected, "no BSN"),
        ({"client": "4711"}, NotFound, "no client"),
    ],
)
def test_a_question_that_can_not_be_asked_is_not(
    world: World, register: Register, other: dict[str, str], error: type[GatewayError], says: str
) -> None:
    before = len(register.requests())

    with pytest.raises(error, match=says):
        asked(world, register, **other)

    assert len(register.requests()) == before
    assert trail(world) == []


@pytest.mark.parametrize("settings", [{}, {"base_url": "http://127.0.0.1:9", "holder": {"ura": "1", "category": "V6"}}])
def test_settings_that_are_not_right_are_named_before_anything_is_asked(world: World, settings: dict[str, Any]) -> None:
    place = Registry(code="mitz", connector="mitz", settings=settings)
    with pytest.raises(Misconfigured, match="registry mitz"):
        ask(world.gateway, world.org, place, client="1001", provider="11112222", category="V4", data="GGC001")
    assert trail(world) == []


def test_the_connector_keeps_the_contract_of_a_registry() -> None:
    assert isinstance(connector.REGISTRY, ConsentRegistry)
    assert Path(connector.__file__).parent.name == connector.REGISTRY.name
