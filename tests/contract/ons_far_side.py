"""The sample ECD as the contract kit's far side, and answers that it doesn't give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from gateway.testing.ecd_bench import LONG, Fault, Key
from gateway.testing.fakes import FakeContext, answering
from tests.integration.intake_world import RunningEcd

STREAMED = ("clients", "relations", "employees", "reports")
KINDS: dict[Fault, str] = {
    "down": "down",
    "unauthorised": "401",
    "throttled": "429",
    "maintenance": "503",
    "truncated": "truncate",
    "reset": "reset",
}
DELETIONS = {"clients": "client_deleted", "reports": "report_deleted", "agenda": "visit_cancelled"}
ALWAYS = 100_000
AGENDA_DAYS = {"from": "2026-11-14", "to": "2026-12-19"}


@dataclass(kw_only=True)
class SampleFarSide:
    """The sample ECD, as its own process."""

    ecd: RunningEcd
    seed: int = 0
    client: httpx2.Client

    def behave(self) -> None:
        self.ecd.behave()

    def fail(self, fault: Fault, stream: str) -> None:
        self.ecd.fault(f"xstream/{stream}/", KINDS[fault], times=ALWAYS)

    def set_clock(self, at: datetime) -> None:
        self.ecd.sample("clock", now=at.isoformat())

    def now(self) -> datetime:
        told = self.client.get("/_sample/clock").json()["now"]
        return datetime.fromisoformat(told).astimezone(UTC)

    def keys(self, stream: str) -> set[str]:
        return {str(record["id"]) for record in self.records(stream)}

    def records(self, stream: str) -> list[Any]:
        if stream in STREAMED:
            return [json.loads(line) for line in self.ecd.lines(stream)]
        clients = [record["id"] for record in self.records("clients")]
        return [record for client in clients for record in self._of_client(stream, client)]

    def _of_client(self, stream: str, client: int) -> list[Any]:
        if stream == "care_plans":
            path, query = f"/v0/administration/dossier/care_plans/by_client/{client}", {}
        else:
            path, query = f"/v0/agenda/clients/{client}/agenda_occurrences", AGENDA_DAYS
        [listed] = self.client.get(path, params=query).json().values()
        return list(listed)

    def add(self) -> Key:
        return self._happen("report_new")

    def change(self) -> Key:
        return self._happen("report_edited")

    def delete(self, stream: str) -> str | None:
        if stream not in DELETIONS:
            return None
        return self._happen(DELETIONS[stream])[1]

    def _happen(self, what: str) -> Key:
        self.seed += 1
        done = self.ecd.sample("change", count=1, ops=[what], seed=self.seed)["changes"][0]
        return done["stream"], done["key"]

    def marks(self) -> Mapping[Key, frozenset[str]]:
        flags = ("confidential", "hidden")
        found = {str(one["id"]): frozenset(name for name in flags if one[name]) for one in self.records("reports")}
        return {("reports", key): labels for key, labels in found.items() if labels}

    def origins(self) -> Mapping[Key, str]:
        return {("reports", str(one["id"])): "caren" for one in self.records("reports") if one["carenId"]}

    def words(self) -> Sequence[str]:
        clients = self.records("clients")
        return [one[name] for one in clients for name in ("bsn", "lastName", "givenName")] + [
            word for one in self.records("reports") for word in str(one["comment"]).split() if word.startswith("KANARIE")
        ]

    def most_at_once(self) -> int:
        return int(self.ecd.stats()["max_parallel"])

    def hold(self) -> None:
        self.ecd.fault("xstream", "hold", times=8)

    def gathered(self) -> int:
        return int(self.ecd.stats()["parallel"])


class Chunks(httpx2.SyncByteStream):
    """An answer that is made while it is read."""

    def __init__(self, chunks: Callable[[], Iterator[bytes]]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks()


def report(number: int, **more: Any) -> bytes:
    fields = {
        "id": number,
        "updatedAt": "2026-11-20T10:00:00.000+01:00",
        "confidential": False,
        "hidden": False,
        "comment": "x" * 700,
    }
    return json.dumps({**fields, **more}).encode()


def long_stream() -> Iterator[bytes]:
    before, after = report(0).split(b"0", 1)
    for number in range(LONG):
        yield before + b"%d" % number + after + b"\n"


@dataclass(kw_only=True)
class Bench:
    """Makes contexts over answers of a test's own, and closes their clients."""

    settings: dict[str, Any]
    stack: ExitStack = field(default_factory=ExitStack)

    def answering(self, answer: Callable[[httpx2.Request], httpx2.Response], **settings: Any) -> FakeContext:
        client = self.stack.enter_context(answering(answer))
        return FakeContext(settings=self.settings | settings, client=client)

    def saying(self, body: bytes, status: int = 200, **headers: str) -> FakeContext:
        return self.answering(lambda _: httpx2.Response(status, content=body, headers=headers))
