"""What stands in the way of carrying out a Consent exactly: collected, all of it, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

IssueCode = Literal["invalid", "structure", "required", "value", "not-supported", "not-found", "business-rule", "conflict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One reason; ``at`` is the FHIRPath of the element. ``text`` names elements and codes, never a person."""

    code: IssueCode
    at: str
    text: str


class Unacceptable(Exception):
    """A Consent that can't be carried out as it stands: nothing of it was."""

    def __init__(self, *issues: Issue) -> None:
        self.issues = issues
        super().__init__(f"{len(issues)} issues: {', '.join(sorted({issue.code for issue in issues}))}")


@dataclass(slots=True)
class Issues:
    """What was found so far."""

    found: list[Issue] = field(default_factory=list)

    def add(self, code: IssueCode, at: str, text: str) -> None:
        """Note one."""
        self.found.append(Issue(code=code, at=at, text=text))

    def only(self, node: dict[str, Any], at: str, known: frozenset[str]) -> None:
        """Note every element besides the known ones: leaving it out would carry out something else than was asked."""
        for name in sorted(node.keys() - known):
            self.add("not-supported", f"{at}.{name}", "this element can't be carried out")

    def stop(self) -> None:
        """End here if anything was found.

        Raises:
            Unacceptable: with all of it.
        """
        if self.found:
            raise Unacceptable(*self.found)
