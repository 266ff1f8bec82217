"""HAPI, a FHIR server that others wrote, as a portal: its process, and what it says of itself."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.maven import classpath

PROJECT: Final = Path(__file__).parent / "server"
# Half a minute on a machine with nothing else to do.
START_S: Final = 480.0
POLL_S: Final = 0.25
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# What it takes to start is compiling; better code isn't worth its time here.
JAVA: Final = ("java", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hapi:
    """The running server. ``http`` is somebody else who may write there, with a bearer of their own."""

    url: str
    http: httpx2.Client

    def get(self, path: str) -> dict[str, Any]:
        """Read something, whatever its status."""
        found: dict[str, Any] = self.http.get(path).json()
        return found

    def held(self, member: str, type_: str) -> list[dict[str, Any]]:
        """Return a member's resources of a type."""
        found = self.get(f"fhir/{member}/{type_}?_count=500")
        return [entry["resource"] for entry in found.get("entry", ())]

    def put(self, member: str, resource: dict[str, Any]) -> None:
        """Write a resource behind the gateway's back."""
        path = f"fhir/{member}/{resource['resourceType']}/{resource['id']}"
        self.http.put(path, json=resource, headers={"Content-Type": "application/fhir+json"}).raise_for_status()


@contextmanager
def hapi(folder: Path) -> Iterator[Hapi]:
    """Build the server when it isn't yet, start it on a free port, and end it.

    Raises:
        RuntimeError: it did not build, or did not start.
    """
    ready, log = folder / "hapi.ready", folder / "hapi.log"
    command = [*JAVA, "-cp", classpath(PROJECT), "Portal", str(ready)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{_port(process, ready, log)}"
        with httpx2.Client(base_url=url, timeout=60, trust_env=False) as http:
            token = http.post("token", data={"client_assertion_type": ASSERTION, "client_assertion": "test"}).json()
            http.headers["Authorization"] = f"Bearer {token['access_token']}"
            yield Hapi(url=url, http=http)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _port(process: subprocess.Popen[bytes], ready: Path, log: Path) -> int:
    pause = threading.Event()
    for _ in range(int(START_S / POLL_S)):
        if ready.exists():
            return int(json.loads(ready.read_text())["port"])
        if process.poll() is not None:
            break
        pause.wait(POLL_S)
    raise RuntimeError(f"HAPI did not start:\n{log.read_text()[-3000:]}")
