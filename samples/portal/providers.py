"""The care organisations behind the portal: a gateway each, asked over HTTP about links, invitations and rights.

Where they are stands in a file that is read at each question, so that a gateway may start after the portal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2
import msgspec

from samples.portal.errors import GatewaySilent, NotAllowed, NotThere, OtherClient, TooOften

PATIENCE_S: Final = 30.0
OTHER_CLIENT: Final = "other-client"
PART: Final = re.compile(r"[A-Za-z0-9_-]+")
Answer = TypeVar("Answer")


class Provider(msgspec.Struct, kw_only=True, frozen=True):
    """One organisation: its code and name, the address of its gateway, and the bearer that the portal has there."""

    code: str
    name: str
    url: str
    token: str


class Linked(msgspec.Struct, kw_only=True):
    """What a code or an accepted invitation opened: the compartment."""

    member: str


class Refusal(msgspec.Struct, kw_only=True):
    """Why something may not be done, as a word for programs."""

    code: str = ""


class Invited(msgspec.Struct, kw_only=True):
    """An invitation that may be sent: its number at the gateway, what the link carries, until when (an instant)."""

    invitation: int
    token: str
    expires: str


class Invitation(msgspec.Struct, kw_only=True):
    """An invitation as its administrator sees it: ``proposed``, ``accepted``, ``declined``, ``withdrawn`` or ``expired``."""

    invitation: int
    level: str
    state: str
    days: int
    classes: list[str] | None = None


class Right(msgspec.Struct, kw_only=True):
    """What somebody on the page may see; without ``classes`` all that the level holds."""

    member: str
    level: str
    administrator: bool
    classes: list[str] | None = None


class Rights(msgspec.Struct, kw_only=True):
    """Everybody on the page, and the kinds of data that the organisation knows."""

    people: list[Right]
    classes: list[str]


class Counts(msgspec.Struct, kw_only=True):
    """How many items of a class come, go, are cut down to a part, or stay though they shouldn't."""

    delivering: int = 0
    retracting: int = 0
    narrowing: int = 0
    staying: int = 0


class Warned(msgspec.Struct, kw_only=True):
    """Something to know before saving."""

    code: str
    nl: str


class Effect(msgspec.Struct, kw_only=True):
    """What a change would do, class by class; nothing was saved."""

    classes: dict[str, Counts]
    warnings: list[Warned]


class _Anything(msgspec.Struct):
    """An answer of which nothing is asked but that it came."""


class _Invitations(msgspec.Struct):
    invitations: list[Invitation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The rights that an administrator wants somebody to have; ``classes`` ``None``: all that the level holds."""

    level: str
    classes: Sequence[str] | None = None

    def body(self, administrator: str, **more: str) -> dict[str, Any]:
        """Return it as the gateway takes it."""
        narrowed = {} if self.classes is None else {"classes": list(self.classes)}
        return {"administrator": administrator, "level": self.level, **narrowed, **more}


class Gateway:
    """One organisation's gateway.

    Every call raises ``NotThere`` when the gateway knows nothing of the kind, ``NotAllowed`` when it may not be done so, ``TooOften`` when
    it has to be asked later, and ``GatewaySilent`` when it gave no answer that can be used.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def redeem(self, code: str, account: str, page: str) -> Linked:
        """Link a page with the code from a letter."""
        return self._asked("POST", ("links",), Linked, {"code": code, "account": account, "page": page})

    def rights(self, page: str, administrator: str) -> Rights:
        """Return who on a page may see what."""
        return self._asked("GET", ("pages", page, "rights"), Rights, administrator=administrator)

    def simulate(self, page: str, administrator: str, member: str, wish: Wish) -> Effect:
        """Return what a change of rights would do."""
        return self._asked("POST", ("pages", page, "simulate"), Effect, wish.body(administrator, member=member))

    def save(self, page: str, administrator: str, member: str, wish: Wish) -> None:
        """Change somebody's rights: it holds when this returns."""
        self._asked("PUT", ("pages", page, "rights", member), _Anything, wish.body(administrator))

    def remove(self, page: str, administrator: str, member: str) -> None:
        """Take somebody off a page."""
        self._asked("DELETE", ("pages", page, "rights", member), _Anything, administrator=administrator)

    def invite(self, page: str, administrator: str, wish: Wish) -> Invited:
        """Ask for an invitation; nobody can see anything by it before it is accepted."""
        return self._asked("POST", ("pages", page, "invitations"), Invited, wish.body(administrator))

    def invitations(self, page: str, administrator: str) -> list[Invitation]:
        """Return the invitations of a page."""
        found: _Invitations = self._asked("GET", ("pages", page, "invitations"), _Invitations, administrator=administrator)
        return found.invitations

    def withdraw(self, page: str, administrator: str, number: str) -> None:
        """Take back an invitation that wasn't answered."""
        self._asked("DELETE", ("pages", page, "invitations", number), _Anything, administrator=administrator)

    def accept(self, token: str, account: str) -> Linked:
        """Accept an invitation."""
        return self._asked("POST", ("invitations", token, "accept"), Linked, {"account": account})

    def decline(self, token: str, account: str) -> None:
        """Decline an invitation."""
        self._asked("POST", ("invitations", token, "decline"), _Anything, {"account": account})

    def _asked(self, method: str, place: Sequence[str], shape: type[Answer], body: object = None, **query: str) -> Answer:
        # What somebody typed into a form never leads to another place than the one it is about.
        if not all(PART.fullmatch(part) for part in place):
            raise NotThere
        headers = {"Authorization": f"Bearer {self.provider.token}"}
        with _silence(), httpx2.Client(timeout=PATIENCE_S, trust_env=False, headers=headers) as http:
            answer = http.request(method, f"{self.provider.url}/portal/{'/'.join(place)}", json=body, params=query)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                raise NotThere
            if answer.status_code == HTTPStatus.CONFLICT:
                why = msgspec.json.decode(answer.content or b"{}", type=Refusal).code
                raise OtherClient if why == OTHER_CLIENT else NotAllowed
            if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                raise TooOften(timedelta(seconds=int(answer.headers.get("retry-after", "60"))))
            answer.raise_for_status()
            found: Answer = msgspec.json.decode(answer.content or b"{}", type=shape)
            return found


@contextmanager
def _silence() -> Iterator[None]:
    """Make every answer that can't be used one kind of silence."""
    try:
        yield
    except (httpx2.HTTPError, msgspec.DecodeError, ValueError) as error:
        raise GatewaySilent from error


class Providers:
    """The organisations that people can link their pages to."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def all(self) -> list[Provider]:
        """Return them; none while there is no file."""
        if self._file is None or not self._file.exists():
            return []
        return msgspec.json.decode(self._file.read_bytes(), type=list[Provider])

    def gateway(self, code: str) -> Gateway:
        """Return the gateway of an organisation.

        Raises:
            NotThere: there is no organisation of that code.
        """
        found = next((one for one in self.all() if one.code == code), None)
        if found is None:
            raise NotThere
        return Gateway(found)
