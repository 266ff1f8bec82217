"""Every promise of the requirements has a test with its number, and the page that says so is up to date."""

from __future__ import annotations

from tests.rows import ROOT, ROWS, marked, render


def test_every_row_has_a_test_and_every_mark_a_row() -> None:
    tests = marked()

    assert [row for row in ROWS if not tests[row]] == []
    assert sorted(set(tests) - set(ROWS)) == []


def test_the_page_of_rows_is_what_the_marks_say() -> None:
    assert (ROOT / "docs" / "rows.md").read_text(encoding="utf-8") == render()
