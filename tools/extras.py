"""Have the tools beside Python that some tests need: a browser, a JDK with Maven, Debian's Postgres.

As root they are installed with apt. Otherwise, and where apt can't, this says what is missing and which tests will be
skipped for it; in CI (``CI=true``) a missing tool is a failure, so that a green run has run everything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OLDEST_JDK = 17
OLDEST_POSTGRES = 15


@dataclass(frozen=True)
class Tool:
    """One tool: how to see that it is there, what brings it, what goes without it."""

    name: str
    there: Callable[[], bool]
    packages: tuple[str, ...]
    without: str


def has_browser() -> bool:
    """Chromium, by either of its names."""
    return bool(shutil.which("chromium") or shutil.which("chromium-browser"))


def has_jdk() -> bool:
    """A Java compiler that is new enough, and Maven."""
    if not (shutil.which("javac") and shutil.which("mvn")):
        return False
    said = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+", said.stdout + said.stderr)
    return bool(found and int(found.group()) >= OLDEST_JDK)


def has_postgres() -> bool:
    """The distribution's own server, beside the one that we bring."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return any(path.parts[-3].isdigit() and int(path.parts[-3]) >= OLDEST_POSTGRES for path in found)


TOOLS = (
    Tool("Chromium", has_browser, ("chromium",), "the pages walked in a browser (tests/e2e)"),
    Tool(
        "JDK 17 and Maven",
        has_jdk,
        ("openjdk-17-jdk-headless", "maven"),
        "HL7's own validator and HAPI (tests/conformance, tests/hapi)",
    ),
    Tool("Postgres", has_postgres, ("postgresql",), "the schema on a server of the distribution (tests/integration)"),
)


def main() -> int:
    """Install what is missing where we may; return 1 when CI lacks something."""
    missing = [tool for tool in TOOLS if not tool.there()]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        apt("update")
        for tool in missing:
            apt("install", "-y", "--no-install-recommends", *tool.packages)
        missing = [tool for tool in missing if not tool.there()]
    for tool in missing:
        print(f"missing: {tool.name} (apt: {' '.join(tool.packages)}); skipped for it: {tool.without}", flush=True)
    return int(bool(missing) and os.environ.get("CI") == "true")


def apt(*arguments: str) -> None:
    """Run apt without questions; what it could not do shows in what is still missing."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-q", *arguments], env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"apt-get {arguments[0]} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
