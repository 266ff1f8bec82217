"""What a connector is handed: an HTTP client that keeps the neighbour's limits, secrets from files, the time, a log.

One client per neighbour and process: making one costs 17 ms, and its connections stay open.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol
from uuid import uuid4

import httpx2
import structlog

from gateway.config import AMSTERDAM
from gateway.connector import Limits
from gateway.errors import Misconfigured
from gateway.limits import permits
from gateway.runtime import Gateway

TIMEOUT: Final = httpx2.Timeout(30.0, connect=5.0)
PARTITIONS: Final = """
select record_key from source_record where source_id = %s and stream = %s and not deleted order by record_key"""

_clients: dict[str, httpx2.Client] = {}
_clients_lock = Lock()

log = structlog.get_logger()


class Neighbour(Protocol):
    """A row of a source or a portal."""

    @property
    def id(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class NeighbourContext:
    """The context of one neighbour (``gateway.connector.Context``)."""

    gateway: Gateway
    org: int
    neighbour: Neighbour
    limits: Limits
    zone: str = AMSTERDAM
    stopped: Callable[[], bool] = field(default=lambda: False)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the configuration says of this neighbour, without secrets."""
        return self.neighbour.settings

    def http(self) -> httpx2.Client:
        """Return the client of this neighbour."""
        return _client(self)

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Hold one of the requests that the neighbour allows at once, over all threads and processes."""
        with permits(self.gateway.database.dsn, str(self.settings.get("base_url")), self.limits.max_concurrency).permit():
            yield

    def secret(self, name: str) -> str:
        """Read a secret from the file that the configuration names.

        Raises:
            Misconfigured: no file is named, it is missing, or others may read it.
        """
        path = self._secret_path(name)
        try:
            if path.stat().st_mode & 0o077:
                raise Misconfigured(f"{self.neighbour.code}: others may read the file of secret {name!r}; set its mode to 0600")
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Misconfigured(f"{self.neighbour.code}: the file of secret {name!r} can't be read ({error.strerror})") from None

    def _secret_path(self, name: str) -> Path:
        paths = self.settings.get("secrets", {})
        if name not in paths:
            raise Misconfigured(f"{self.neighbour.code}: settings.secrets.{name} must name a file")
        return Path(paths[name])

    def now(self) -> datetime:
        """Return the gateway's time."""
        return self.gateway.clock()

    def cancelled(self) -> bool:
        """Tell whether to stop before the next page."""
        return self.stopped()

    def log(self, event: str, **fields: Any) -> None:
        """Log an event under the neighbour's code; fields are ids and numbers, never content."""
        log.info(event, neighbour=self.neighbour.code, **fields)

    def partitions(self, stream: str) -> Sequence[str]:
        """Return the keys of a stream's living records: each is a slice of the streams that are cut by it."""
        with self.gateway.database.transaction(self.org) as db:
            return [row.record_key for row in db.execute(PARTITIONS, (self.neighbour.id, stream))]

    @cached_property
    def tls(self) -> ssl.SSLContext | bool:
        """The client certificate, when the configuration names one."""
        paths = self.settings.get("secrets", {})
        if "tls_certificate" not in paths:
            return True
        context = ssl.create_default_context(cafile=self.settings.get("ca_file"))
        context.load_cert_chain(self._secret_path("tls_certificate"), self._secret_path("tls_key"))
        return context


def context_for(gateway: Gateway, org: int, neighbour: Any, limits: Limits | None = None) -> NeighbourContext:
    """Return the context of a source's or portal's row, within its connector's limits."""
    zone = getattr(neighbour, "zone", AMSTERDAM)
    return NeighbourContext(gateway=gateway, org=org, neighbour=neighbour, limits=limits or Limits(), zone=zone)


def _client(context: NeighbourContext) -> httpx2.Client:
    base = str(context.settings.get("base_url", ""))
    if not base:
        raise Misconfigured(f"{context.neighbour.code}: settings.base_url is missing")
    key = f"{base}|{sorted(context.settings.get('secrets', {}).items())}"
    with _clients_lock:
        if key not in _clients:
            _clients[key] = httpx2.Client(
                base_url=base,
                timeout=TIMEOUT,
                verify=context.tls,
                trust_env=False,
                event_hooks={"request": [_trace]},
            )
        return _clients[key]


def _trace(request: httpx2.Request) -> None:
    """Give each request its own id, and all requests of one task one trace (the three headers of Koppeltaal 2.0)."""
    request.headers["X-Request-Id"] = str(uuid4())
    trace = structlog.contextvars.get_contextvars().get("trace")
    if trace:
        request.headers["X-Trace-Id"] = trace
