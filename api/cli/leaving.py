"""How an error leaves the command line: what, where, what to do, and an exit code. Never a traceback, never content."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Final

import psycopg

from gateway.errors import GatewayError, NotFound, Rejected

EXIT_USAGE: Final = 2
EXIT_COULD_NOT_RUN: Final = 3


def leaving(error: Exception) -> tuple[int, str]:
    """Return the exit code and the line for an error that ended a command."""
    if isinstance(error, NotFound | Rejected):
        return EXIT_USAGE, str(error)
    if isinstance(error, GatewayError):
        return EXIT_COULD_NOT_RUN, str(error)
    if isinstance(error, psycopg.Error):
        return EXIT_COULD_NOT_RUN, _database(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return EXIT_COULD_NOT_RUN, f"{place}{error.strerror or type(error).__name__}"
    return EXIT_COULD_NOT_RUN, f"{type(error).__name__} in {_where(error)}; this is a fault of ours, please report this line"


def _database(error: psycopg.Error) -> str:
    """Say which database and why. A driver's own text may quote rows, or an address with its password: not shown."""
    named = "DATABASE_URL" if os.environ.get("DATABASE_URL") else "the embedded database"
    if error.sqlstate is None and isinstance(error, psycopg.ProgrammingError):
        return f"{named} is not an address; give postgresql://user@host:port/database"
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        return f"{named} ({_address()}) does not answer: {_cause(error)}; is the server running, and is this its address?"
    return f"{named}: the server refused: {type(error).__name__} ({error.sqlstate or 'no code'}) in {_where(error)}"


def _address() -> str:
    """Return host, port and name of the database, without user or password."""
    try:
        parts = psycopg.conninfo.conninfo_to_dict(os.environ.get("DATABASE_URL", ""))
    except psycopg.Error:
        return "unreadable address"
    host, port, name = parts.get("host", "local socket"), parts.get("port", 5432), parts.get("dbname", "")
    return f"{host}:{port}/{name}"


CAUSES: Final = {
    "Connection refused": "connection refused",
    "timeout expired": "no answer in time",
    "could not translate host name": "no such host",
    "failed to resolve host": "no such host",
    "authentication failed": "user or password refused",
    "no password supplied": "it asks for a password",
    "does not exist": "no such user, database or socket",
    "No such file": "no such socket",
    "SSL": "no agreement about TLS",
}


def _cause(error: psycopg.Error) -> str:
    text = str(error)
    return next((said for sign, said in CAUSES.items() if sign in text), type(error).__name__)


def _where(error: BaseException) -> str:
    """Return the innermost place in our own code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    return f"{'/'.join(Path(ours[-1].filename).parts[-2:])}:{ours[-1].lineno}" if ours else "an unknown place"
