"""Java programs of the tests: built by Maven when their sources are newer than their classes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

BUILD_SECONDS: Final = 600


def classpath(project: Path) -> str:
    """Compile a project whose pom writes its dependencies to ``target/classpath``, and return the Java class path.

    Raises:
        RuntimeError: it did not build.
    """
    listing = project / "target" / "classpath"
    sources = [project / "pom.xml", *(project / "src").glob("*.java")]
    if not listing.exists() or listing.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        # Java asks the list of users for the home, which for some is none; HOME says where it really is.
        home = f"-Duser.home={Path.home()} {os.environ.get('MAVEN_OPTS', '')}".strip()
        done = subprocess.run(
            ["mvn", "-q", "-B", "compile"],
            cwd=project,
            env={**os.environ, "MAVEN_OPTS": home},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{project.name} did not build:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        listing.touch()
    return f"{project / 'target' / 'classes'}:{listing.read_text().strip()}"
