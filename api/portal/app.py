"""The routes of the portal API: who is calling, what they ask, and one answer for everything that isn't theirs to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from api.inbound.body import TooLarge, whole_body
from api.inbound.problem import problem
from api.portal import bodies
from api.portal.bearer import Caller, caller_of
from gateway.consent import administration, codes, invitations, states
from gateway.consent.pages import Place
from gateway.errors import Conflict, GatewayError, Misconfigured, NotFound, Rejected, Throttled, TransientError
from gateway.insight.matrix import matrix
from gateway.insight.simulate import simulate
from gateway.jsonbytes import dumps
from gateway.runtime import Gateway

BODY_BYTES: Final = 16 * 1024
# Wrong, used, expired, somebody else's: whoever asks can't tell them apart.
NOTHING: Final = "there is nothing here for you"
HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Handler = Callable[[Caller, Request, bytes], tuple[HTTPStatus, Any]]

log = structlog.get_logger()


class Refused(Exception):
    """The request gets this answer instead."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class PortalApi:
    """The portal API over one gateway, for the portals that have a token."""

    def __init__(self, gateway: Gateway, callers: list[Caller]) -> None:
        self._gateway = gateway
        self._callers = callers

    def routes(self) -> list[Route]:
        """Return the routes; they stand beside those of the operations pages."""
        page, invitation = "/portal/pages/{page:uuid}", "/portal/invitations/{token}"
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/portal/links", self._link),
            ("GET", page, self._state),
            ("GET", f"{page}/invitations", self._invitations),
            ("POST", f"{page}/invitations", self._invite),
            ("DELETE", f"{page}/invitations/{{invitation:int}}", self._withdraw),
            ("GET", f"{page}/rights", self._rights),
            ("PUT", f"{page}/rights/{{member:uuid}}", self._save),
            ("DELETE", f"{page}/rights/{{member:uuid}}", self._remove),
            ("POST", f"{page}/simulate", self._simulate),
            ("POST", f"{invitation}/accept", self._accept),
            ("POST", f"{invitation}/decline", self._decline),
        ]
        routes = [Route(path, self._answered(handler), methods=[method]) for method, path, handler in table]
        return [*routes, Route("/portal/{rest:path}", self._answered(_nothing), methods=["GET", "POST", "PUT", "DELETE"])]

    def _answered(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint: who calls, then what, then the answer or the refusal."""

        async def endpoint(request: Request) -> Response:
            try:
                caller = self._caller(request)
                body = await _body(request, caller.portal)
                status, content = await run_in_threadpool(handler, caller, request, body)
                response = Response(dumps(content), status_code=status, media_type="application/json")
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.BAD_REQUEST)
            except Refused as refused:
                response = refused.response
            except GatewayError as error:
                response = _refusal(error)
            except psycopg.Error as error:
                log.error("portal_api.no_database", error=type(error).__name__)  # noqa: TRY400 - a driver's text may quote rows
                response = _refusal(TransientError("the database gave no answer"))
            response.headers.update(HEADERS)
            return response

        return endpoint

    def _caller(self, request: Request) -> Caller:
        caller = caller_of(request, self._callers)
        if caller is None:
            detail = "send the token of a portal as Authorization: Bearer ..."
            raise Refused(problem(HTTPStatus.UNAUTHORIZED, detail, WWW_Authenticate='Bearer realm="portal"'))
        return caller

    def _link(self, caller: Caller, _request: Request, body: bytes) -> tuple[HTTPStatus, Any]:
        asked = _shape(body, bodies.Redeem)
        found = codes.redeem_code(
            self._gateway, caller.org, portal=caller.portal, code=asked.code, account=asked.account, page=asked.page
        )
        return HTTPStatus.CREATED, bodies.linked(found)

    def _state(self, caller: Caller, request: Request, _body: bytes) -> tuple[HTTPStatus, Any]:
        found = states.page_state(self._gateway, caller.org, portal=caller.portal, page=_page(request))
        return HTTPStatus.OK, {"page": str(_page(request)), "state": found.state, "days": found.days}

    def _invitations(self, caller: Caller, request: Request, _body: bytes) -> tuple[HTTPStatus, Any]:
        found = invitations.invitations(self._gateway, caller.org, _place(caller, request))
        return HTTPStatus.OK, {"invitations": [bodies.invitation(one) for one in found]}

    def _invite(self, caller: Caller, request: Request, body: bytes) -> tuple[HTTPStatus, Any]:
        asked = self._rights_in(caller, _shape(body, bodies.Rights))
        place = _place(caller, request, asked.administrator)
        made = invitations.invite(self._gateway, caller.org, place, level=asked.level, classes=asked.classes)
        return HTTPStatus.CREATED, bodies.invited(made)

    def _withdraw(self, caller: Caller, request: Request, _body: bytes) -> tuple[HTTPStatus, Any]:
        number = request.path_params["invitation"]
        invitations.withdraw_invitation(self._gateway, caller.org, _place(caller, request), invitation=number)
        return HTTPStatus.OK, {"invitation": number, "state": "withdrawn"}

    def _accept(self, caller: Caller, request: Request, body: bytes) -> tuple[HTTPStatus, Any]:
        account, token = _shape(body, bodies.Answer).account, request.path_params["token"]
        joined = invitations.accept_invitation(self._gateway, caller.org, portal=caller.portal, token=token, account=account)
        return HTTPStatus.OK, {"member": joined.member, "page": joined.page}

    def _decline(self, caller: Caller, request: Request, body: bytes) -> tuple[HTTPStatus, Any]:
        account, token = _shape(body, bodies.Answer).account, request.path_params["token"]
        invitations.decline_invitation(self._gateway, caller.org, portal=caller.portal, token=token, account=account)
        return HTTPStatus.OK, {"state": "declined"}

    def _rights(self, caller: Caller, request: Request, _body: bytes) -> tuple[HTTPStatus, Any]:
        place = _place(caller, request)
        client, found = administration.standings(self._gateway, caller.org, place)
        seen = matrix(self._gateway, caller.org, client, by=place.agent)
        return HTTPStatus.OK, bodies.people(found, seen, caller.portal)

    def _simulate(self, caller: Caller, request: Request, body: bytes) -> tuple[HTTPStatus, Any]:
        asked = self._rights_in(caller, _shape(body, bodies.Wish))
        place = _place(caller, request, asked.administrator)
        client, person, terms = administration.person_on(
            self._gateway, caller.org, place, member=asked.member, level=asked.level, classes=asked.classes
        )
        told = simulate(self._gateway, caller.org, client=client, person=person, level=asked.level, **terms)
        return HTTPStatus.OK, bodies.effect(told, person)

    def _save(self, caller: Caller, request: Request, body: bytes) -> tuple[HTTPStatus, Any]:
        asked = self._rights_in(caller, _shape(body, bodies.Rights))
        place = _place(caller, request, asked.administrator)
        member = str(request.path_params["member"])
        done = administration.set_rights(
            self._gateway, caller.org, place, member=member, level=asked.level, classes=asked.classes
        )
        return HTTPStatus.OK, bodies.change(done)

    def _remove(self, caller: Caller, request: Request, _body: bytes) -> tuple[HTTPStatus, Any]:
        member = str(request.path_params["member"])
        done = administration.remove_member(self._gateway, caller.org, _place(caller, request), member=member)
        return HTTPStatus.OK, bodies.change(done)

    def _rights_in(self, caller: Caller, asked: bodies.Asked) -> bodies.Asked:
        """Return what was asked, when its classes are classes of this organisation."""
        unknown, known = administration.unknown_classes(self._gateway, caller.org, asked.classes or ())
        if unknown:
            raise Refused(problem(HTTPStatus.BAD_REQUEST, f"classes names what is no class here; there are: {', '.join(known)}"))
        return asked


def _nothing(_caller: Caller, _request: Request, _body: bytes) -> tuple[HTTPStatus, Any]:
    raise NotFound(NOTHING)


def _page(request: Request) -> UUID:
    page: UUID = request.path_params["page"]
    return page


def _place(caller: Caller, request: Request, administrator: str | None = None) -> Place:
    member = administrator or request.query_params.get("administrator", "")
    return Place(portal=caller.portal, page=_page(request), administrator=member)


async def _body(request: Request, portal: str) -> bytes:
    """Return what was sent. Of what is too large nothing is kept: it is no message, and who sent it hears so at once."""
    try:
        return await whole_body(request, BODY_BYTES)
    except TooLarge as found:
        log.warning("portal_api.oversize", portal=portal, bytes=found.announced, limit=BODY_BYTES)
        raise Refused(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request may have {BODY_BYTES} bytes")) from None


def _shape(body: bytes, shape: type[bodies.Shape]) -> bodies.Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        # Names the field and what it should be, never what was sent.
        raise Refused(problem(HTTPStatus.BAD_REQUEST, str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(problem(HTTPStatus.BAD_REQUEST, "the body should be JSON, in UTF-8")) from None


def _refusal(error: GatewayError) -> Response:
    if isinstance(error, NotFound):
        return problem(HTTPStatus.NOT_FOUND, NOTHING)
    if isinstance(error, Throttled):
        wait = str(int(error.retry_after or 1))
        return problem(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tries; try again later", Retry_After=wait)
    if isinstance(error, Conflict | Rejected):
        return problem(HTTPStatus.CONFLICT, str(error), code=error.code)
    if isinstance(error, Misconfigured):
        log.error("portal_api.misconfigured", code=error.code)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "this can't be done at the moment; try again in a while", Retry_After="30")
