"""A reading process of its own, to be killed: ``python -m tests.integration.intake_process DSN ORG SOURCE KEYS CLOCK``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from gateway.clock import fixed_clock
from gateway.database import Database
from gateway.keys import load_or_create
from gateway.reading import due_slices, finish_run, plan_run, pull_slice
from gateway.runtime import Gateway


def main() -> None:
    """Read one run to its end."""
    dsn, org, source, keys, clock = sys.argv[1:]
    ring, at = load_or_create(Path(keys)), fixed_clock(datetime.fromisoformat(clock))
    with Database(dsn, clock=at) as database:
        gateway = Gateway(database=database, clock=at, keys=lambda _: ring)
        run = plan_run(gateway, int(org), int(source))
        while finish_run(gateway, int(org), run) is None:
            for row in due_slices(gateway, int(org), run):
                pull_slice(gateway, int(org), row)


if __name__ == "__main__":
    main()
