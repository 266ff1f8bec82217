"""What is wrong with the files of a set, each with its place."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Misconfigured


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault: ``weight.yaml:12: no such element``."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class MappingError(Misconfigured):
    """The set can't be used. ``findings`` holds every fault, not only the first."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        super().__init__("the mapping has faults:\n" + "\n".join(str(finding) for finding in self.findings))

    def __reduce__(self) -> tuple[type[MappingError], tuple[list[Finding]]]:
        """Let another process say it."""
        return MappingError, (list(self.findings),)
