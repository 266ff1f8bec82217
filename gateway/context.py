"""What a connector is handed: an HTTP client and its permits, secrets from files, the time, a log that can't gossip.

One client per neighbour and process: making one costs 17 ms, and its connections stay open.
"""

from __future__ import annotations

import json
import logging
import re
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import uuid4
from weakref import WeakKeyDictionary, finalize

import httpx2
import structlog

from gateway.canonical import BASE
from gateway.config import AMSTERDAM
from gateway.connector import Limits
from gateway.database import Database
from gateway.errors import Misconfigured
from gateway.limits import permits
from gateway.runtime import Gateway

USER_AGENT: Final = f"zorgsluis/1+{BASE}"
# With the wait for a permit these stay below the lease of a slice and of a lane.
TIMEOUT: Final = httpx2.Timeout(30.0, connect=5.0)
# What may stand in a log: codes, ids, paths. Never a sentence, never nine digits in a row.
LOGGABLE: Final = re.compile(r"[\w.:@/+#=-]{0,120}", re.ASCII)
BSN_SHAPED: Final = re.compile(r"(?<!\d)\d{9}(?!\d)")
REDACTED: Final = "[redacted]"
# How long a client is still asked for after care has ended: the agenda's window, so that what is cancelled then goes too.
AFTER_CARE_DAYS: Final = 35

PARTITIONS: Final = """
select record_key from source_record
where source_id = %s and stream = %s and not deleted and not starts_with(record_key, 'unreadable-')
  and (day is null or day >= app_now()::date - %s)
order by record_key"""

# Set when the process ends: connectors stop between two records.
stopping = threading.Event()

log = structlog.get_logger()
# One line per request, with the whole address in it; ours are counted instead.
logging.getLogger("httpx2").setLevel(logging.WARNING)

_clients: WeakKeyDictionary[Database, dict[str, httpx2.Client]] = WeakKeyDictionary()
_clients_guard = threading.Lock()


class Neighbour(Protocol):
    """A row of a source or a portal."""

    @property
    def id(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourContext:
    """The context of one neighbour (``gateway.connector.Context``): cheap to make, its client is the process's."""

    gateway: Gateway
    org: int
    neighbour: Neighbour
    limits: Limits
    zone: str = AMSTERDAM

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the configuration says of this neighbour, without secrets."""
        return self.neighbour.settings

    def http(self) -> httpx2.Client:
        """Return the client of this neighbour, a new one when its certificate was renewed. It doesn't follow redirects and doesn't raise
        for a status.

        Raises:
            Misconfigured: its address is none, or its certificate can't be used.
        """
        key = f"{self._credential()}|{self._renewed()}"
        database = self.gateway.database
        with _clients_guard:
            if database not in _clients:
                _clients[database] = {}
                finalize(database, _close_all, _clients[database])
            known = _clients[database]
            if key not in known:
                known[key] = self._new_client()
            return known[key]

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Hold one of the requests that the neighbour allows at once and a second, until its answer is read."""
        limits = self.limits
        with permits(self.gateway.database, self._credential(), limits.max_concurrency, limits.per_second).permit():
            yield

    def secret(self, name: str) -> str:
        """Read a secret from the file that the configuration names. It is read anew each time: a renewed one is in use at once.

        Raises:
            Misconfigured: no file is named, it is missing, or others may read it.
        """
        path = self._secret_path(name)
        try:
            if path.stat().st_mode & 0o077:
                raise Misconfigured(f"{self.neighbour.code}: others may read the file of secret {name!r}; set its mode to 0600")
            return path.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            raise Misconfigured(f"{self.neighbour.code}: the file of secret {name!r} is no text") from None
        except OSError as error:
            raise Misconfigured(f"{self.neighbour.code}: the file of secret {name!r} can't be read ({error.strerror})") from None

    def now(self) -> datetime:
        """Return the gateway's time."""
        return self.gateway.clock()

    def cancelled(self) -> bool:
        """Tell whether to stop before the next record."""
        return stopping.is_set()

    def log(self, event: str, **fields: Any) -> None:
        """Log an event under the neighbour's code; what could be a sentence or a BSN is left out."""
        log.info(event, neighbour=self.neighbour.code, **{name: loggable(value) for name, value in fields.items()})

    def partitions(self, stream: str) -> Sequence[str]:
        """Return the keys of a stream's living records: each is a slice of the streams that are cut by it."""
        with self.gateway.database.transaction(self.org) as db:
            return [row.record_key for row in db.execute(PARTITIONS, (self.neighbour.id, stream, AFTER_CARE_DAYS))]

    def _credential(self) -> str:
        shown = json.dumps(self.settings.get("secrets", {}), sort_keys=True)
        return f"{self.org}|{self.settings.get('base_url')}|{shown}"

    def _renewed(self) -> list[tuple[str, int]]:
        """Return the files that TLS is spoken with, and when each was written: what is missing is told when it is opened."""
        secrets = self.settings.get("secrets", {})
        named = [self.settings.get("ca_file"), secrets.get("tls_certificate"), secrets.get("tls_key")]
        return [(name, Path(name).stat().st_mtime_ns if Path(name).exists() else 0) for name in named if name]

    def _secret_path(self, name: str) -> Path:
        paths = self.settings.get("secrets", {})
        if name not in paths:
            raise Misconfigured(f"{self.neighbour.code}: settings.secrets.{name} must name a file")
        return Path(paths[name])

    def _new_client(self) -> httpx2.Client:
        base = str(self.settings.get("base_url", ""))
        if not base:
            raise Misconfigured(f"{self.neighbour.code}: settings.base_url is missing")
        tls = self._tls()
        try:
            return httpx2.Client(
                base_url=base,
                timeout=TIMEOUT,
                verify=tls,
                headers={"User-Agent": USER_AGENT},
                trust_env=False,
                event_hooks={"request": [trace]},
            )
        except (httpx2.InvalidURL, ValueError):
            raise Misconfigured(f"{self.neighbour.code}: settings.base_url is no address") from None

    def _tls(self) -> ssl.SSLContext:
        """Return how to speak TLS, with our client certificate where the configuration names one."""
        try:
            tls = ssl.create_default_context(cafile=self.settings.get("ca_file"))
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
            if "tls_certificate" in self.settings.get("secrets", {}):
                self.secret("tls_key")
                tls.load_cert_chain(self._secret_path("tls_certificate"), self._secret_path("tls_key"))
        except (OSError, ValueError, TypeError):
            code = self.neighbour.code
            raise Misconfigured(
                f"{code}: tls_certificate, tls_key and ca_file aren't a certificate, its key and an authority"
            ) from None
        return tls


def context_for(gateway: Gateway, org: int, neighbour: Any, limits: Limits | None = None) -> NeighbourContext:
    """Return the context of a source's or portal's row, within its connector's limits."""
    zone = getattr(neighbour, "zone", AMSTERDAM)
    return NeighbourContext(gateway=gateway, org=org, neighbour=neighbour, limits=limits or Limits(), zone=zone)


def loggable(value: Any) -> Any:
    """Return a value that may be logged, or the word that stands for one that may not."""
    if value is None or isinstance(value, bool | float):
        return value
    text = str(value)
    if LOGGABLE.fullmatch(text) is None or BSN_SHAPED.search(text):
        return REDACTED
    return value if isinstance(value, int) else text


def trace(request: httpx2.Request) -> None:
    """Give each request its own id, and all requests of one task one trace (headers of Koppeltaal 2.0)."""
    request.headers["X-Request-Id"] = str(uuid4())
    request.headers["X-Trace-Id"] = structlog.contextvars.get_contextvars().get("trace") or str(uuid4())


def _close_all(clients: dict[str, httpx2.Client]) -> None:
    for client in clients.values():
        client.close()
