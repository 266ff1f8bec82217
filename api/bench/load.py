"""A sender of HL7 v2 over MLLP for benchmarks: some connections, each sending its next message when the one before is acknowledged."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

START, END = b"\x0b", b"\x1c\r"
# A message each, as a care organisation's record system sends it: who the client is, where they stay, and what was measured.
TEMPLATE = """\
MSH|^~\\&|VESTA|DELINDE|ZORGSLUIS|DELINDE|20261120{time}||ORU^R01^ORU_R01|{number}|P|2.5|||AL|NE||8859/1
PID|1||{client}^^^DELINDE^PI||de Vries&de&Vries^Anna^B^^^^L||19{year}0214|F|||Lindelaan 12&Lindelaan&12^^Utrecht^^3511AB^NLD^M||0306001122^PRN^PH
PV1|1|I|AFD{ward}^{room}^1^DELINDE||||01004567^Jansen^J^^^^^^VEKTIS
OBR|1||{number}-O|8716-3^Vital signs^LN|||20261120{time}
OBX|1|NM|8310-5^Temperatuur^LN||36.{tenth}|Cel^^UCUM|||||F|||20261120{time}
OBX|2|NM|8867-4^Hartfrequentie^LN||7{tenth}|/min^^UCUM|||||F|||20261120{time}
OBX|3|NM|29463-7^Gewicht^LN||7{tenth}.40|kg^^UCUM|||||F|||20261120{time}
NTE|1||Rustige nacht, gegeten en gedronken.
"""


@dataclass(slots=True, kw_only=True)
class Run:
    """What a run took: seconds of wall time, and of each message the milliseconds until its answer."""

    messages: int
    wall_s: float
    latencies_ms: list[float] = field(repr=False)

    @property
    def per_second(self) -> float:
        """Messages acknowledged per second."""
        return self.messages / max(self.wall_s, 1e-9)

    def percentile(self, share: float) -> float:
        """The latency that this share of the messages stayed under, in milliseconds."""
        ordered = sorted(self.latencies_ms)
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)


def messages(prefix: str, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield distinct messages with their control ids, in original mode."""
    for n in range(count):
        number = f"{prefix}{n}"
        values = {"time": f"{8 + n % 12:02d}{n % 60:02d}{n // 60 % 60:02d}", "client": 10000 + n % 400, "year": 30 + n % 40}
        text = TEMPLATE.format(number=number, ward=n % 6, room=n % 30, tenth=n % 10, **values).replace("|||AL|NE|", "|||||")
        yield number, text.replace("\n", "\r").encode("latin-1")


@dataclass(slots=True)
class _Connection:
    sock: socket.socket
    todo: Iterator[tuple[str, bytes]]
    number: str = ""
    sent: float = 0.0
    rest: bytes = b""

    def next(self) -> bool:
        found = next(self.todo, None)
        if found is None:
            return False
        self.number, data = found
        self.sent = time.perf_counter()
        self.sock.sendall(START + data + END)
        return True


def drive(
    address: str, connections: int, work: Sequence[tuple[str, bytes]], acked: Callable[[str, bytes], None] = lambda *_: None
) -> Run:
    """Send all messages over so many connections and call ``acked`` with (control id, acknowledgement) the moment each is answered.

    Raises:
        ConnectionError: the server closed a connection.
    """
    host, _, port = address.rpartition(":")
    run = Run(messages=len(work), wall_s=0.0, latencies_ms=[])
    with selectors.DefaultSelector() as selector:
        lines = [_Connection(socket.create_connection((host, int(port))), iter(work[n::connections])) for n in range(connections)]
        began = time.perf_counter()
        for line in lines:
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if line.next():
                selector.register(line.sock, selectors.EVENT_READ, line)
        while selector.get_map():
            for key, _ in selector.select():
                _answered(key.data, run, acked)
                if not key.data.next():
                    selector.unregister(key.fileobj)
        run.wall_s = time.perf_counter() - began
        for line in lines:
            line.sock.close()
    return run


def _answered(line: _Connection, run: Run, acked: Callable[[str, bytes], None]) -> None:
    """Read the answer to the message under way; the rest of a cut one is waited for."""
    while END not in line.rest:
        got = line.sock.recv(65536)
        if not got:
            raise ConnectionError("the server closed the connection")
        line.rest += got
    answer, _, line.rest = line.rest.partition(END)
    run.latencies_ms.append((time.perf_counter() - line.sent) * 1000)
    acked(line.number, answer)
