"""The portal API on a real HTTP server, over a small care organisation in a real database."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import uvicorn
from starlette.applications import Starlette

from api.portal.app import PortalApi
from api.portal.bearer import Caller
from api.server import Server
from gateway.consent.codes import issue_code
from tests.integration.store_world import World, filled, open_world

READY_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Portal:
    """A portal that calls: its token, and the world that it calls."""

    world: World
    address: str
    code: str
    token: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """Make one call as this portal."""
        named = {"Authorization": f"Bearer {self.token}", **headers}
        return httpx2.request(method, f"{self.address}/portal/{path}", json=body, headers=named, trust_env=False)

    def letter(self, person: str = "50", level: str = "private-medical", client: str = "1001") -> str:
        """Return the code of a letter to a person."""
        return issue_code(self.world.gateway, self.world.org, client=client, person=person, portal=self.code, level=level).code

    def redeem(self, code: str, account: str = "acc-1", page: str | None = None) -> httpx2.Response:
        """Come with a code."""
        return self.ask("POST", "links", {"code": code, "account": account, "page": page or str(uuid4())})

    def page(self, person: str = "50", level: str = "private-medical", account: str = "acc-1") -> tuple[str, str]:
        """Link a page by letter; return it with its administrator's member."""
        answer = self.redeem(self.letter(person, level), account).json()
        return answer["page"], answer["member"]

    def invite(self, page: str, administrator: str, level: str = "basic", **more: Any) -> dict[str, Any]:
        """Invite somebody; return what came back."""
        answer = self.ask("POST", f"pages/{page}/invitations", {"administrator": administrator, "level": level, **more})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def accept(self, token: str, account: str = "acc-2") -> httpx2.Response:
        """Accept an invitation."""
        return self.ask("POST", f"invitations/{token}/accept", {"account": account})


@contextmanager
def portals(dsn: str, folder: Path) -> Iterator[tuple[Portal, Portal]]:
    """Yield two portals of one organisation, each with its own token."""
    world = open_world(dsn)
    filled(world)
    calling = []
    for code in ("familie", "ander"):
        token = folder / f"{code}.token"
        token.write_text(f"token-of-{code}\n")
        token.chmod(0o600)
        calling.append(Caller(org=world.org, portal=code, token=token))
    with _served(Starlette(routes=PortalApi(world.gateway, calling).routes())) as address:
        one, other = (Portal(world=world, address=address, code=c.portal, token=f"token-of-{c.portal}") for c in calling)
        yield one, other
    world.database.close()


@contextmanager
def _served(application: Starlette) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = Server(uvicorn.Config(application, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(READY_S)


def wrong(answer: httpx2.Response) -> tuple[int, bytes]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.content


def held(portal: Portal, member: str) -> set[str]:
    """Return what a member's compartment would hold after delivery."""
    portal.world.disclose()
    portal.world.deliver()
    rows = portal.world.rows(
        "select resource.rtype as rtype from disclosure_ledger ledger join link on link.id = link_id "
        "join resource using (rkey) where link.member::text = %s and held_hash is not null",
        member,
    )
    return {row.rtype for row in rows}
