"""An organisation with one source that pushes, listeners on free ports, and clients that speak MLLP over real sockets."""

from __future__ import annotations

import queue
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.types.json import Jsonb

from api.inbound.listeners import Listeners
from gateway.clock import Clock, system_clock
from gateway.config import Config
from gateway.database import Database
from gateway.journal import body_of
from gateway.keys import KeyRing, generate
from gateway.runtime import Gateway, Task

START, END = b"\x0b", b"\x1c\r"
PATIENCE_S = 30.0


def adt(
    control_id: str = "1", *, sender: str = "VESTA|DELINDE", msh: str = "", body: str = "", at: str = "20261120101500"
) -> bytes:
    """An admission. ``msh`` follows MSH-12."""
    lines = [
        f"MSH|^~\\&|{sender}|ZS|ZS|{at}||ADT^A01^ADT_A01|{control_id}|P|2.5{msh}",
        "EVN|A01|20261120101500",
        "PID|1||10042^^^DELINDE^PI||de Vries&de&Vries^Anna||19400102|F",
        "PV1|1|I|AFD1^12^2",
        *([body] if body else []),
    ]
    return "".join(f"{line}\r" for line in lines).encode()


def framed(message: bytes) -> bytes:
    """The message as MLLP sends it."""
    return START + message + END


def codes(acks: bytes) -> list[str]:
    """MSA-1 of each acknowledgement."""
    return [line.split(b"|")[1].decode() for line in acks.split(b"\r") if line.startswith(b"MSA|")]


@dataclass(slots=True)
class Client:
    """One MLLP connection."""

    sock: socket.socket
    rest: bytes = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def ack(self) -> bytes:
        """The next acknowledgement; empty when the server closed instead."""
        while END not in self.rest:
            got = self.sock.recv(65536)
            if not got:
                return b""
            self.rest += got
        frame, _, self.rest = self.rest.partition(END)
        return frame.removeprefix(START)

    def ask(self, message: bytes) -> bytes:
        """Send one message and return its acknowledgement."""
        self.send(framed(message))
        return self.ack()

    def closed(self) -> bool:
        """Whether the server closes without another word."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()


def connect(address: str, tls: ssl.SSLContext | None = None) -> Client:
    """Open a connection to ``host:port``."""
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    return Client(tls.wrap_socket(sock, server_hostname="localhost") if tls else sock)


@dataclass(slots=True, kw_only=True)
class Inbound:
    """The running listeners and what they wrote."""

    dsn: str
    org: int
    source: int
    ring: KeyRing
    gateway: Gateway
    listeners: Listeners
    hints: queue.Queue[tuple[Task, int, int]]

    def client(self, code: str = "hl7", tls: ssl.SSLContext | None = None) -> Client:
        """Connect to a listener."""
        return connect(self.listeners.addresses[code], tls)

    def hinted(self) -> tuple[Task, int, int]:
        """The next hint that is given."""
        return self.hints.get(timeout=PATIENCE_S)

    def rows(self, query: str, *values: object) -> list[Any]:
        """Ask the database, on another connection than the writer's."""
        with self.gateway.database.transaction(self.org) as db:
            return db.execute(query, values).fetchall()

    def journal(self) -> list[Any]:
        """Every journal row, oldest first."""
        return self.rows("select * from journal order by id")

    def bodies(self) -> list[bytes]:
        """What was journalled, unsealed."""
        return [body_of(self.ring, row) for row in self.journal()]

    def tally(self) -> tuple[int, int, int]:
        """Received, duplicates, journalled."""
        [row] = self.rows("select received, duplicates, journalled from inbound_tally")
        return row.received, row.duplicates, row.journalled


def mllp(**more: Any) -> dict[str, Any]:
    """A listener on a free port of this machine."""
    return {"code": "hl7", "kind": "mllp", "bind": "127.0.0.1:0", "sources": ["vesta"], **more}


def organisation(dsn: str, **settings: Any) -> tuple[int, int]:
    """Make an organisation with a source that pushes; return their numbers."""
    with psycopg.connect(dsn) as db:
        db.execute("set role zorgsluis_owner")
        made = db.execute("insert into organisation (code, name) values ('delinde', 'De Linde') returning id").fetchone()
        assert made is not None
        db.execute("select set_config('app.org', %s, true)", (str(made[0]),))
        values = (made[0], Jsonb(settings))
        row = db.execute(
            "insert into source (org, code, connector, system, zone, settings)"
            " values (%s, 'vesta', 'hl7v2', 'vesta', 'Europe/Amsterdam', %s) returning id",
            values,
        ).fetchone()
        assert row is not None
    return int(made[0]), int(row[0])


@contextmanager
def inbound(
    dsn: str, *listeners: dict[str, Any], ring: KeyRing | None = None, clock: Clock = system_clock, **settings: Any
) -> Iterator[Inbound]:
    """Run listeners over a migrated database."""
    org, source = organisation(dsn, **settings)
    ring = ring or generate()
    hints: queue.Queue[tuple[Task, int, int]] = queue.Queue()
    one = {
        "code": "delinde",
        "name": "De Linde",
        "sources": [{"code": "vesta", "connector": "hl7v2", "system": "vesta"}],
        "listeners": list(listeners) or [mllp()],
    }
    config = Config.model_validate({"organisations": [one]})
    with Database(dsn, clock=clock) as database:
        gateway = Gateway(database=database, clock=clock, keys=lambda _: ring, hint=lambda *hint: hints.put(hint))
        ways = Listeners(gateway, dsn, config, {"delinde": org}, on_death=lambda: None)
        ways.start()
        try:
            yield Inbound(dsn=dsn, org=org, source=source, ring=ring, gateway=gateway, listeners=ways, hints=hints)
        finally:
            ways.stop()


def secret_file(path: Path, content: bytes | str) -> Path:
    """Write a file that only its owner may read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path
