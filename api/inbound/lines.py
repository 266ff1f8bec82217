"""What ``serve`` and the process of its listeners say to each other, a line each."""

from __future__ import annotations

from typing import Any, Final

from gateway.jsonbytes import dumps

# End in peace. An input that ends without it: the other one was killed.
STOP: Final = b"stop\n"


def line(said: dict[str, Any]) -> bytes:
    """Return an object as a line."""
    return dumps(said) + b"\n"
