"""The command line: one file a command.

Exit codes: 0 done, 1 done but some set aside, 2 usage, 3 could not run, 4 loss or a broken invariant.
"""

from __future__ import annotations

import sys

from api.cli.app import app
from gateway.errors import GatewayError, Misconfigured, NotFound, Rejected

EXIT_USAGE = 2
EXIT_COULD_NOT_RUN = 3


def main() -> None:
    """Run a command; errors leave by this one door."""
    try:
        app()
    except (NotFound, Rejected) as error:
        _leave(EXIT_USAGE, error)
    except Misconfigured as error:
        _leave(EXIT_COULD_NOT_RUN, error)
    except GatewayError as error:
        _leave(EXIT_COULD_NOT_RUN, error)


def _leave(code: int, error: GatewayError) -> None:
    print(f"zorgsluis: {error}", file=sys.stderr)  # noqa: T201
    sys.exit(code)
