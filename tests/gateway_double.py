"""A small working stand-in for a gateway's portal API, over HTTP: letters, invitations and rights in memory, nothing delivered."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLASSES = ["calendar", "care-plan", "care-team", "measurement", "profile", "report"]
WRONG_TRIES = 5
WAIT_S = 840
Answer = tuple[int, Any]
NOTHING: Answer = (404, {"title": "Not Found"})


@dataclass(kw_only=True)
class GatewayDouble:
    """One organisation's gateway: ``letters`` (code → member), who is on its one page, what was asked of it, and what it would do.

    ``administered``: somebody else administers the client's page; ``other_client``: the page is about another client elsewhere.
    """

    code: str
    name: str
    letters: dict[str, str] = field(default_factory=dict)
    joining: list[str] = field(default_factory=list)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    invitations: dict[str, dict[str, Any]] = field(default_factory=dict)
    effect: dict[str, Any] = field(default_factory=lambda: {"classes": {}, "warnings": []})
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    token: str = field(default_factory=secrets.token_urlsafe)
    silent: bool = False
    wrong: int = 0
    administered: bool = False
    other_client: bool = False
    url: str = ""

    def provider(self) -> dict[str, str]:
        """What the portal is told of it."""
        return {"code": self.code, "name": self.name, "url": self.url, "token": self.token}

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """Return status and body for a request under ``/portal/``."""
        self.asked.append((method, path, body))
        place, _, query = path.partition("?")
        administrator = query.partition("=")[2] or (body or {}).get("administrator", "")
        if place == "links":
            return self._link(body)
        if found := re.fullmatch(r"invitations/([^/]+)/(accept|decline)", place):
            return self._answered(found[1], found[2])
        if not self.people.get(administrator, {}).get("administrator"):
            return NOTHING
        return self._administer(method, place.split("/")[2:], body)

    def _link(self, body: dict[str, str]) -> Answer:
        if self.wrong >= WRONG_TRIES:
            return 429, {}
        if self.other_client:
            return 409, {"code": "other-client"}
        member = self.letters.pop(body["code"], None)
        if member is None:
            self.wrong += 1
            return NOTHING
        first = not self.administered
        self._join(member, "private-medical", None, administrator=first)
        organisation = {"code": self.code, "name": self.name}
        return 201, {"member": member, "page": body["page"], "administrator": first, "organisation": organisation, "client": {}}

    def _answered(self, token: str, how: str) -> Answer:
        invitation = self.invitations.get(token)
        if invitation is None or invitation["state"] != "proposed":
            return NOTHING
        invitation["state"] = f"{how}ed" if how == "accept" else "declined"
        if how == "decline":
            return 200, {"state": "declined"}
        member = self.joining.pop(0)
        self._join(member, invitation["level"], invitation["classes"], administrator=False)
        return 200, {"member": member, "page": ""}

    def _administer(self, method: str, what: list[str], body: Any) -> Answer:
        match method, what:
            case "GET", ["rights"]:
                return 200, {"classes": CLASSES, "people": list(self.people.values())}
            case "GET", ["invitations"]:
                return 200, {"invitations": list(self.invitations.values())}
            case "POST", ["invitations"]:
                return self._invite(body)
            case "DELETE", ["invitations", number]:
                next(one for one in self.invitations.values() if one["invitation"] == int(number))["state"] = "withdrawn"
                return 200, {}
            case "POST", ["simulate"]:
                return (200, self.effect) if body["member"] in self.people else NOTHING
            case "PUT", ["rights", member]:
                self.people[member] |= {"level": body["level"], "classes": body.get("classes")}
                return 200, {}
            case "DELETE", ["rights", member]:
                return (200, {}) if self.people.pop(member, None) else NOTHING
        return NOTHING

    def _invite(self, body: dict[str, Any]) -> Answer:
        token = secrets.token_urlsafe(32)
        number = len(self.invitations) + 1
        made = {"invitation": number, "state": "proposed", "days": 0, "level": body["level"], "classes": body.get("classes")}
        self.invitations[token] = made
        return 201, {"invitation": number, "token": token, "expires": "2030-01-01T00:00:00Z"}

    def _join(self, member: str, level: str, classes: list[str] | None, *, administrator: bool) -> None:
        self.people[member] = {"member": member, "level": level, "classes": classes, "administrator": administrator}


@contextmanager
def serving(double: GatewayDouble) -> Iterator[GatewayDouble]:
    """Serve it on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            known = self.headers.get("authorization") == f"Bearer {double.token}"
            status, content = double.answer(self.command, self.path.removeprefix("/portal/"), body) if known else (401, {})
            self.send_response(503 if double.silent else status)
            self.send_header("Retry-After", str(WAIT_S))
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        double.url = f"http://127.0.0.1:{server.server_port}"
        yield double
        server.shutdown()
        thread.join()
