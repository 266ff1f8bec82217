"""Small working stand-ins for what the engine gives a connector: a context without a database, whose log and requests can be looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx2

from gateway.clock import Clock, fixed_clock
from gateway.connector import Limits
from gateway.errors import Misconfigured

AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
TIMEOUT = httpx2.Timeout(10.0)
Answer = Callable[[httpx2.Request], httpx2.Response]


@dataclass(frozen=True, kw_only=True)
class FakeContext:
    """A ``Context`` over real sockets, or over answers of a test's own. Permits are counted in this process.

    ``parents`` are the keys by which streams are partitioned; ``told`` collects every log event.
    """

    settings: Mapping[str, Any]
    limits: Limits = field(default_factory=Limits)
    zone: str = "Europe/Amsterdam"
    clock: Clock = field(default_factory=lambda: fixed_clock(AT))
    client: httpx2.Client | None = None
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    turns: threading.BoundedSemaphore | None = None

    def http(self) -> httpx2.Client:
        """Return the client. A context that was given none can't reach anybody."""
        if self.client is None:
            raise Misconfigured("this context was given no client")
        return self.client

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Hold one of the requests that the neighbour allows at once."""
        if self.turns is None:
            yield
            return
        with self.turns:
            yield

    def secret(self, name: str) -> str:
        """Read a secret from its file."""
        return Path(self.settings["secrets"][name]).read_text(encoding="utf-8").strip()

    def now(self) -> datetime:
        """Return the clock's time."""
        return self.clock()

    def cancelled(self) -> bool:
        """Tell whether a test has said stop."""
        return self.stop.is_set()

    def log(self, event: str, **fields: Any) -> None:
        """Keep what is logged."""
        self.told.append(f"{event} {fields}")

    def partitions(self, stream: str) -> Sequence[str]:
        """Return the keys that the test has set."""
        return self.parents.get(stream, ())

    def at(self, moment: datetime) -> Self:
        """Return the same context at another time."""
        return replace(self, clock=fixed_clock(moment))

    def with_parents(self, **parents: Sequence[str]) -> Self:
        """Return the same context with other keys to be partitioned by."""
        return replace(self, parents=parents)


def over(base_url: str, **more: Any) -> httpx2.Client:
    """Return a client for a far side; close it, or use it as a context manager."""
    return httpx2.Client(base_url=base_url, timeout=TIMEOUT, trust_env=False, **more)


def answering(answer: Answer, base_url: str = "http://ecd.example") -> httpx2.Client:
    """Return a client whose every request is answered by a function."""
    return httpx2.Client(base_url=base_url, transport=httpx2.MockTransport(answer))
