"""HL7's own validator as a Python function: build it once, give it resources, read its findings."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.maven import classpath

HERE: Final = Path(__file__).parent
PROJECT: Final = HERE / "validator"
DEFINITIONS: Final = (
    HERE / "definitions" / "nl-core",
    HERE / "definitions" / "supplement",
    HERE / "definitions" / "own",
    HERE / "definitions" / "codes-in-use",
)
RUN_SECONDS: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark of the validator about one resource; ``line`` counts from 1 in the file that was given."""

    file: str
    line: int
    severity: str
    path: str
    code: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether it says more than a warning."""
        return self.severity not in ("warning", "information")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run found; ``summary`` holds its own counts, with the codes that can't be decided without a terminology server."""

    findings: Sequence[Finding]
    summary: str

    def errors(self, file: str) -> list[Finding]:
        """Return the errors found in one of the files."""
        return [finding for finding in self.findings if finding.is_error and finding.file == file]


def missing_tool() -> str | None:
    """Return why the validator can't run here, or ``None``."""
    absent = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} not installed" if absent else None


def write_ndjson(path: Path, bodies: Iterable[bytes]) -> Path:
    """Write one resource a line and return the path."""
    path.write_bytes(b"".join(body + b"\n" for body in bodies))
    return path


def validate(files: Iterable[Path]) -> Report:
    """Run the validator over the files.

    Raises:
        RuntimeError: it stopped without a verdict (bad call, out of memory).
    """
    folders = [word for folder in DEFINITIONS for word in ("--definitions", str(folder))]
    command = ["java", "-Xmx2g", "-cp", classpath(PROJECT), "Validate", *folders, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    if done.returncode not in (0, 1) or " checked, " not in done.stderr:
        raise RuntimeError(f"the validator stopped with {done.returncode}:\n{done.stderr[-2000:]}")
    return Report(
        findings=[_finding(json.loads(line)) for line in done.stdout.splitlines()],
        summary=done.stderr.strip(),
    )


def _finding(raw: Mapping[str, Any]) -> Finding:
    return Finding(
        file=raw["file"],
        line=raw["line"],
        severity=raw["severity"],
        path=raw.get("path") or "",
        code=raw.get("id") or "",
        message=raw["message"],
    )
