"""HL7 v2 over HTTP: 200 only for what is stored, everything else as problem details."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.config import Config
from gateway.errors import Misconfigured
from gateway.quarantine import held, release
from tests.integration.certificates import authority, client_context
from tests.integration.inbound_world import Inbound, adt, codes, inbound, secret_file

ER7 = "application/hl7-v2"
TOKEN = "a-token-of-vesta"


def http(folder: Path, **more: Any) -> dict[str, Any]:
    token = secret_file(folder / "vesta.token", f"{TOKEN}\n")
    return {"code": "web", "kind": "http", "bind": "127.0.0.1:0", "sources": ["vesta"], "bearer": {"vesta": token}, **more}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[Inbound]:
    with inbound(database_url, http(tmp_path, max_bytes=5000), senders=["VESTA|DELINDE"]) as world:
        yield world


def post(world: Inbound, content: bytes | Iterator[bytes], token: str = TOKEN, **headers: str) -> httpx2.Response:
    named = {"Authorization": f"Bearer {token}", "Content-Type": ER7} | {name.replace("_", "-"): v for name, v in headers.items()}
    return httpx2.post(f"http://{world.listeners.addresses['web']}/inbound/hl7v2", content=content, headers=named)


def test_a_message_is_answered_with_its_acknowledgement_once_it_is_stored(world: Inbound) -> None:
    answer = post(world, adt("7"))

    assert (answer.status_code, answer.headers["content-type"]) == (200, ER7)
    assert codes(answer.content) == ["AA"]
    assert world.bodies() == [adt("7")]
    assert post(world, adt("7")).content == answer.content
    assert world.tally() == (2, 1, 1)


def test_a_batch_has_an_acknowledgement_for_each_message_in_order(world: Inbound) -> None:
    parts = [b"FHS|^~\\&|VESTA\r", b"BHS|^~\\&|VESTA\r", adt("1"), adt(""), adt("3"), b"BTS|3\r", b"FTS|1\r"]
    answer = post(world, b"".join(parts), Content_Type="x-application/hl7-v2+er7; charset=utf-8")

    assert answer.status_code == 200
    assert codes(answer.content) == ["AA", "AR", "AA"]
    assert answer.content.count(b"\rMSA|AA|1\r") == answer.content.count(b"\rMSA|AA|3\r") == 1
    assert [row.state for row in world.journal()] == ["waiting", "quarantined", "waiting"]


def test_a_sender_that_the_token_is_not_bound_to_is_refused_and_kept(world: Inbound) -> None:
    assert codes(post(world, adt("7", sender="OTHER|PLACE")).content) == ["AR"]
    assert [(row.state, row.reason) for row in world.journal()] == [("quarantined", "unknown-source")]


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (401, adt("7"), {"Authorization": "Bearer other"}),
        (401, adt("7"), {"Authorization": ""}),
        (400, b" \r\n", {}),
        (415, adt("7"), {"Content_Type": "application/json"}),
    ],
)
def test_a_refused_request_says_why_as_problem_details_and_stores_nothing(
    world: Inbound, status: int, content: bytes, headers: dict[str, str]
) -> None:
    answer = post(world, content, **headers)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = json.loads(answer.content)
    assert told["status"] == status
    assert told["detail"]
    assert world.journal() == []


def chunked(content: bytes) -> Iterator[bytes]:
    """The same bytes without their size told beforehand."""
    yield from (content[start : start + 1000] for start in range(0, len(content), 1000))


@pytest.mark.parametrize("sent", [bytes, chunked], ids=["size-told", "chunked"])
def test_of_a_request_that_is_too_large_the_beginning_is_kept_and_counted_once(
    world: Inbound, sent: Callable[[bytes], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """As MLLP keeps the beginning of such a message: in quarantine, where operators look, under its source."""
    large = adt("7", body="NTE|1||" + "x" * 200_000)
    answers = [post(world, sent(large)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [413, 413]
    assert "quarantine" in json.loads(answers[0].content)["detail"]
    assert world.bodies() == [large[:5000]]
    [held_back] = held(world.gateway, world.org)
    assert (held_back.source, held_back.kind, held_back.reason) == ("vesta", "adt", "oversize")
    assert world.tally() == (2, 1, 1)
    [row] = world.journal()
    assert release(world.gateway, world.org, [row.id])[0].state == "quarantined"
    told = capfd.readouterr().out
    assert "inbound.oversize" in told
    assert ("bytes=200" in re.sub(r"\x1b\[[0-9;]*m", "", told)) == (sent is bytes)
    # Its number isn't used up.
    assert codes(post(world, adt("7")).content) == ["AA"]


def test_what_no_token_came_with_leaves_no_bytes(world: Inbound) -> None:
    assert post(world, adt("7", body="NTE|1||" + "x" * 200_000), token="other").status_code == 401
    assert world.journal() == []


def test_an_address_that_is_no_peer_is_forbidden(database_url: str, tmp_path: Path) -> None:
    with inbound(database_url, http(tmp_path, peers=["10.0.0.0/8"])) as world:
        assert post(world, adt("7")).status_code == 403
        assert world.journal() == []


def test_a_renewed_token_holds_at_once(world: Inbound, tmp_path: Path) -> None:
    secret_file(tmp_path / "vesta.token", "renewed")

    assert post(world, adt("7")).status_code == 401
    assert post(world, adt("7"), token="renewed").status_code == 200


def test_a_client_certificate_authenticates_without_a_token(database_url: str, tmp_path: Path) -> None:
    made = authority(tmp_path)
    tls = {"certificate": made.server[0], "key": made.server[1], "client_ca": made.ca}
    with inbound(database_url, http(tmp_path, bearer={}, tls=tls)) as world:
        host = world.listeners.addresses["web"].replace("127.0.0.1", "localhost")
        with httpx2.Client(verify=client_context(made, made.client)) as client:
            answer = client.post(f"https://{host}/inbound/hl7v2", content=adt("7"), headers={"Content-Type": ER7})
        assert codes(answer.content) == ["AA"]
        with httpx2.Client(verify=client_context(made)) as client, pytest.raises(httpx2.HTTPError):
            client.post(f"https://{host}/inbound/hl7v2", content=adt("8"), headers={"Content-Type": ER7})


def test_a_token_that_others_may_read_stops_the_start(database_url: str, tmp_path: Path) -> None:
    listener = http(tmp_path)
    (tmp_path / "vesta.token").chmod(0o644)

    with pytest.raises(Misconfigured, match="0600"), inbound(database_url, listener):
        pass


@pytest.mark.parametrize(
    ("listener", "said"),
    [
        ({"kind": "http", "bind": "127.0.0.1:0"}, "nothing here says who is speaking"),
        ({"kind": "mllp", "bind": "0.0.0.0:2575"}, "in the clear"),
        ({"kind": "http", "bind": "127.0.0.1:0", "bearer": {"other": "/x"}}, "not among its sources"),
        ({"kind": "mllp", "bind": "here"}, "an IP address and a port"),
        ({"kind": "mllp", "bind": "127.0.0.1:1", "peers": ["x"]}, "a peer is"),
    ],
)
def test_a_way_in_for_strangers_is_refused_by_the_configuration(listener: dict[str, Any], said: str) -> None:
    one = {"code": "o", "name": "O", "sources": [{"code": "vesta", "connector": "hl7v2", "system": "s"}]}
    with pytest.raises(ValueError, match=said):
        Config.model_validate({"organisations": [{**one, "listeners": [{"code": "x", "sources": ["vesta"], **listener}]}]})
