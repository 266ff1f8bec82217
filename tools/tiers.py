"""Run the tests tier by tier and say how long each took; every tier runs, also after one that failed.

tiers.py [TIER…]      all tiers without an argument
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Two workers where tests are many and small; the others use the machine's cores themselves.
TIERS: dict[str, tuple[str, ...]] = {
    "unit": ("-n", "2", "--dist", "loadfile"),
    "contract": ("-n", "2", "--dist", "loadfile"),
    "golden": (),
    "integration": ("-n", "2", "--dist", "loadfile"),
    "kills": ("-n", "2", "--dist", "worksteal"),
    "conformance": (),
    "hapi": (),
    "e2e": ("-n", "2", "--dist", "loadfile"),
}

# Where the minutes of a tier went.
SLOWEST = ("--durations", "8", "--durations-min", "10")


def main(wanted: list[str]) -> int:
    """Run the tiers and print the summary; return 1 when one failed."""
    lines, failed = [], False
    began = time.monotonic()
    for tier in wanted or TIERS:
        if not any((ROOT / "tests" / tier).rglob("test_*.py")):
            # Where everything must run, a tier that vanished is no success.
            failed |= os.environ.get("CI") == "true"
            lines.append(f"{tier:<12} no tests")
            continue
        start = time.monotonic()
        print(f"\n== {tier}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", *SLOWEST, *TIERS[tier], f"tests/{tier}"]
        passed = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode == 0
        failed |= not passed
        lines.append(f"{tier:<12} {'passed' if passed else 'FAILED'}  {minutes(start)}")
    print("\n" + "\n".join(lines), f"{'all':<12} {'FAILED' if failed else 'passed'}  {minutes(began)}", sep="\n", flush=True)
    return int(failed)


def minutes(since: float) -> str:
    """Return the time since then, in minutes."""
    return f"{(time.monotonic() - since) / 60:5.1f} min"


if __name__ == "__main__":
    if unknown := [tier for tier in sys.argv[1:] if tier not in TIERS]:
        sys.exit(f"no such tier: {', '.join(unknown)}; there are: {', '.join(TIERS)}")
    sys.exit(main(sys.argv[1:]))
