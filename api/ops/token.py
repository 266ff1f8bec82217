"""The operator's token: a file of mode 0600, made on the first start. Who may read the file may see the pages."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gateway.errors import Misconfigured

NAME = "operator-token"


def operator_token(state: Path) -> str:
    """Return the token of this installation.

    Raises:
        Misconfigured: others may read the file.
    """
    path = state / NAME
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    if path.stat().st_mode & 0o077:
        raise Misconfigured(f"{path}: others may read the operator token; set its mode to 0600")
    return path.read_text().strip()
