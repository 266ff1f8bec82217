"""The last moment before bytes leave, and the first after: whatever the connector, it happens on the HTTP client that it is given.

Right before a write goes out the lease is looked at: a process that was stopped between its decision and its write must not write hours
later. Right after the last byte is written, and before any answer is read, lies the crash point ``after-write``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpx2

from gateway.crash import crash_point

WRITES: Final = frozenset({"POST", "PUT", "DELETE", "PATCH"})
FHIR: Final = "application/fhir+json"

# One per thread: a client may be shared by lanes, the check is this lane's.
_check: ContextVar[Callable[[], None] | None] = ContextVar("_check", default=None)


@contextmanager
def checked(client: httpx2.Client, check: Callable[[], None]) -> Iterator[None]:
    """Call ``check`` right before each write of this thread through ``client``; what it raises stops the write."""
    hooks = client.event_hooks
    if _before not in hooks["request"]:
        client.event_hooks = {**hooks, "request": [*hooks["request"], _before]}
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def _before(request: httpx2.Request) -> None:
    check = _check.get()
    if check is None or request.method not in WRITES or FHIR not in request.headers.get("content-type", FHIR):
        return
    check()
    request.extensions = {**request.extensions, "trace": _written}


def _written(event: str, _: Any) -> None:
    if event.endswith("send_request_body.complete"):
        crash_point("after-write")
