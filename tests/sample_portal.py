"""A running sample portal for tests: the real process, a signing key, and a client that speaks the contract."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ROOT = Path(__file__).parent.parent
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LISTENS_WITHIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class RunningPortal:
    """A portal's address, the key that it trusts, and an HTTP client without a token."""

    base: str
    key: ECKey
    store: Path
    http: httpx2.Client

    def assertion(self, *, key: Any = None, alg: str = "ES384", **changes: Any) -> str:
        """Return a signed assertion, right but for the changes; a claim changed to ``None`` is left out."""
        moment = int(time.time())
        claims: dict[str, Any] = {
            "iss": "zorgsluis",
            "sub": "zorgsluis",
            "aud": f"{self.base}/token",
            "iat": moment,
            "exp": moment + 240,
            "jti": uuid4().hex,
        } | changes
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": "test"}, present, key or self.key, algorithms=[alg])

    def ask_token(self, assertion: str) -> httpx2.Response:
        """Ask for a token."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        return self.http.post(f"{self.base}/token", data=form)

    def bearer(self) -> dict[str, str]:
        """Return the header of a fresh token."""
        answer = self.ask_token(self.assertion())
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def member(self, member: str) -> Member:
        """Return a client for one compartment."""
        return Member(portal=self, base=f"{self.base}/fhir/{member}", headers=self.bearer())

    def dump(self) -> list[dict[str, Any]]:
        """Return everything the portal ever accepted."""
        answer = self.http.get(f"{self.base}/_sample/dump")
        return [json.loads(line) for line in answer.text.splitlines()]

    def plan(self, **fault: Any) -> None:
        """Let the portal misbehave."""
        answer = self.http.post(f"{self.base}/_sample/faults", json=fault)
        assert answer.status_code == 204, answer.text


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member's compartment."""

    portal: RunningPortal
    base: str
    headers: dict[str, str]

    def get(self, path: str) -> httpx2.Response:
        """Read or search."""
        return self.portal.http.get(f"{self.base}/{path}", headers=self.headers)

    def send(self, entries: Sequence[bytes]) -> httpx2.Response:
        """Post a transaction of ready entries."""
        body = b'{"resourceType":"Bundle","type":"transaction","entry":[' + b",".join(entries) + b"]}"
        headers = self.headers | {"Content-Type": "application/fhir+json"}
        return self.portal.http.post(f"{self.base}/", content=body, headers=headers)

    def put(self, *resources: dict[str, Any]) -> httpx2.Response:
        """Write resources in one transaction."""
        return self.send([put(resource) for resource in resources])


def put(resource: dict[str, Any] | bytes, **request: str) -> bytes:
    """Return a PUT entry; bytes are sent as they are."""
    body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    head = json.loads(body)
    target = {"method": "PUT", "url": f"{head['resourceType']}/{head['id']}"} | request
    return b'{"request":' + json.dumps(target).encode() + b',"resource":' + body + b"}"


def delete(target: str, **request: str) -> bytes:
    """Return a DELETE entry."""
    return b'{"request":' + json.dumps({"method": "DELETE", "url": target} | request).encode() + b"}"


@contextmanager
def running_portal(folder: Path, *options: str) -> Iterator[RunningPortal]:
    """Run the portal as a process of its own until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ECKey.generate_key("P-384", {"kid": "test", "use": "sig"}, private=True)
    jwks, ready = folder / "jwks.json", folder / "ready.json"
    jwks.write_text(json.dumps(KeySet([key]).as_dict(private=False)), encoding="utf-8")
    ready.unlink(missing_ok=True)
    paths = ["--store", str(folder / "store"), "--gateway-jwks", str(jwks), "--ready", str(ready)]
    process = subprocess.Popen([sys.executable, "-m", "samples.portal", "serve", *paths, *options], cwd=ROOT)
    try:
        with httpx2.Client(timeout=20) as http:
            base = f"http://127.0.0.1:{port_of(process, ready)}"
            yield RunningPortal(base=base, key=key, store=folder / "store", http=http)
    finally:
        process.terminate()
        process.wait(timeout=20)


def port_of(process: subprocess.Popen[bytes], ready: Path) -> int:
    """Wait until the portal has written down where it listens."""
    deadline = time.monotonic() + LISTENS_WITHIN_S
    while not ready.exists():
        assert process.poll() is None, "the portal stopped"
        assert time.monotonic() < deadline, "the portal doesn't listen"
        time.sleep(0.02)
    return int(json.loads(ready.read_text(encoding="utf-8"))["port"])
