"""The command line: one file a command.

Exit codes: 0 done, 1 done but some set aside, 2 usage, 3 could not run, 4 loss or a broken invariant.
"""

from __future__ import annotations

import os
import sys

# A database that swallows packets is given up on, instead of waited for as long as the system does (minutes).
CONNECT_TIMEOUT_S = "10"


def main() -> None:
    """Run a command; errors leave by this one door."""
    from api.cli.app import app

    os.environ.setdefault("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT_S)
    try:
        app()
    except Exception as error:  # noqa: BLE001  the last door: a traceback helps nobody at a prompt, and may show content
        from api.cli.leaving import leaving

        code, text = leaving(error)
        print(f"zorgsluis: {text}", file=sys.stderr)  # noqa: T201
        sys.exit(code)
