# ruff: noqa: T201 - a command speaks on standard output
"""``make conformance``: every kind of resource through HL7's own validator, with figures a person can read.

Run it from the root of the repository; exit code 0 without errors, 1 with errors, 3 without a JDK.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from gateway.jsonbytes import dumps  # noqa: E402 - the path comes first: this file is run as a script
from tests.conformance.care_team import care_teams  # noqa: E402
from tests.conformance.consents import consents  # noqa: E402
from tests.conformance.golden import golden_resources  # noqa: E402
from tests.conformance.hl7 import Finding, missing_tool, validate, write_ndjson  # noqa: E402
from tests.conformance.produced import Produced, produced, sample, variants  # noqa: E402
from tests.conformance.trail import trail  # noqa: E402


def main() -> int:
    """Validate, print what was found, and return the exit code."""
    options = _options()
    missing = missing_tool()
    if missing:
        print(f"conformance needs a JDK and Maven: {missing}", file=sys.stderr)
        return 3
    world = sample(options.clients)
    items = [*produced(world), *care_teams(world), *consents(world), *golden_resources(), *trail()]
    chosen = items if options.all else variants(items, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = write_ndjson(Path(folder) / "whole.ndjson", (dumps(item.body) for item in chosen))
        report = validate([path])
    errors = report.errors(path.name)
    _table(items, chosen, errors)
    for finding in errors:
        print(f"{chosen[finding.line - 1].kind}: {finding.path}: {finding.message}")
    print(report.summary)
    return 1 if errors else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clients", type=int, default=20, help="clients of the sample organisation")
    parser.add_argument("--all", action="store_true", help="every resource instead of two of each shape")
    return parser.parse_args()


def _table(items: list[Produced], chosen: list[Produced], errors: list[Finding]) -> None:
    made, checked = Counter(map(_name, items)), Counter(map(_name, chosen))
    wrong = Counter(_name(chosen[finding.line - 1]) for finding in errors)
    print(f"{'kind':<50}{'made':>8}{'checked':>9}{'errors':>8}")
    for name in sorted(made):
        print(f"{name:<50}{made[name]:>8}{checked[name]:>9}{wrong[name]:>8}")


def _name(item: Produced) -> str:
    return item.kind if item.projection == "whole" else f"{item.kind} ({item.projection})"


if __name__ == "__main__":
    sys.exit(main())
