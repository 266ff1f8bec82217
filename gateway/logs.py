"""One JSON line per event on standard error: fixed names, ids instead of people, numbers with their unit.

Errors show their type and place, and their text only when it is ours: another library's text may quote what it was working on.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from gateway.errors import GatewayError
from gateway.jsonbytes import dumps


def configure() -> None:
    """Send structured events to standard error, and other libraries' warnings in the same shape."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _plain_error,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: dumps(event).decode()),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Lines()], force=True)
    threading.excepthook = _thread_died


def failure(error: BaseException) -> dict[str, Any]:
    """Return what may be said of an error: its type, its innermost place, and its text when it is one of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
    ours = {"code": error.code, "text": str(error)} if isinstance(error, GatewayError) else {}
    return {"error": type(error).__name__, "at": place, **ours}


def _plain_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the exception under way by what may be said of it."""
    asked = event.pop("exc_info", None)
    error = asked if isinstance(asked, BaseException) else sys.exc_info()[1] if asked else None
    return {**event, **failure(error)} if error is not None else event


def _thread_died(died: threading.ExceptHookArgs) -> None:
    if died.exc_value is not None:
        name = died.thread.name if died.thread else None
        structlog.get_logger().critical("thread.died", thread=name, **failure(died.exc_value))


class _Lines(logging.Handler):
    """Other libraries' records as JSON lines: the unformatted message, which is theirs, without the values, which may be somebody's."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        line = {
            "logger": record.name,
            "message": str(record.msg).strip() if record.args or record.name.startswith("uvicorn") else None,
            "event": "library.said",
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            **(failure(error) if error is not None else {}),
        }
        sys.stderr.write(dumps(line).decode() + "\n")
