"""What becomes of a code that no table knows, as one source has it: its overlay says so for rows that don't say it themselves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mapping.kit import CONCEPTS, IDS, build, observation, record

ROWS = """
- {id: A, from: kind, to: method, codes: kind}
- {id: B, from: other, to: bodySite, codes: kind, unmapped: keep}
"""
CODES = CONCEPTS + "kind,,w,http://snomed.info/sct,2,Two,,\n"
KEPT = {"text": "zz"}
DEFAULT = {"coding": [{"system": "http://snomed.info/sct", "code": "2", "display": "Two"}]}


def mapped(policy: str | None) -> Any:
    files = {"report.yaml": observation(ROWS), "codes.csv": CODES}
    if policy is not None:
        files["overlays/house.yaml"] = f"extends: ecd\nunmapped: {policy}\n"
    return build(files).map(record({"kind": "zz", "other": "zz"}), IDS)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(None, None), ("reject-element", None), ("keep", KEPT), ('"default: 2"', DEFAULT)],
)
def test_an_overlay_says_it_for_the_rows_that_do_not_and_each_such_code_is_an_issue(policy: str | None, expected: Any) -> None:
    result = mapped(policy)
    [one] = result.mapped

    assert (one.body.get("method"), one.body.get("bodySite")) == (expected, KEPT)
    assert [issue.code for issue in result.issues] == ["code-unmapped", "code-unmapped"]


def test_a_source_whose_overlay_wants_it_so_has_the_whole_message_quarantined() -> None:
    assert (mapped("reject-message").outcome, mapped(None).outcome) == ("quarantined", "ok-with-issues")
