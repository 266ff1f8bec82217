"""What the rows of a map report of a record, beside what a converter says of a value: too many values, or none where one is needed."""

from __future__ import annotations

from typing import Any, NoReturn

from gateway.mapping.draft import Draft
from gateway.mapping.fill import QuarantineError, RowPlan, Run, issue
from gateway.model import Issue, IssueCode


def overflow(draft: Draft, run: Run, plan: RowPlan, hits: list[tuple[Any, Any]]) -> None:
    """Say that a path gave more values than the target takes."""
    reason = f"{len(hits)} values for an element that occurs once"
    draft.saying().issues.append(issue(run, plan, "cardinality-overflow", None, hits[1][1], reason, "first value used"))


def missing(draft: Draft, run: Run, plan: RowPlan, source: str) -> NoReturn:
    """Quarantine the record: a required element stays empty."""
    code: IssueCode = "reference-unresolved" if source.startswith("@") else "required-missing"
    found = issue(run, plan, code, None, source, "a required element stays empty", "record quarantined", error=True)
    draft.saying().issues.append(found)
    raise QuarantineError


def no_key(run: Run, row: str, source: str) -> NoReturn:
    """Quarantine the record: a resource would have no id."""
    run.issues.append(
        Issue(
            severity="error",
            code="required-missing",
            row=row,
            source_path=source,
            target_path="id",
            masked="",
            reason="the key of the resource is empty",
            action="record quarantined",
        )
    )
    raise QuarantineError
