"""One JSON line per event on standard error: fixed names, ids instead of people, numbers with their unit."""

from __future__ import annotations

import sys

import structlog

from gateway.jsonbytes import dumps


def configure() -> None:
    """Send structured events to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=lambda event, **_: dumps(event).decode()),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
