"""The operator's token: a file of mode 0600, made on the first start. Who may read the file may see the pages."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from gateway.errors import Misconfigured

NAME = "operator-token"


def operator_token(state: Path) -> str:
    """Return the token of this installation.

    Raises:
        Misconfigured: others may read the file, or it is empty.
    """
    path = state / NAME
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise Misconfigured(f"{path}: others may read the operator token; set its mode to 0600")
    token = path.read_text().strip()
    if not token:
        raise Misconfigured(f"{path}: the operator token is empty; remove the file, the next start makes a new one")
    return token


def _make(path: Path) -> None:
    """Make the file whole or not at all; of two processes that start at once, the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{NAME}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
