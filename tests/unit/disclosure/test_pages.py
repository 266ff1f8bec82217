"""The pages about disclosure and tables say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.disclosure.page import render

ROOT = Path(__file__).parents[3]


def test_the_disclosure_page_is_what_the_code_says() -> None:
    page = (ROOT / "docs/disclosure.md").read_text(encoding="utf-8")
    assert page == render(), "run: python -m gateway.disclosure.page > docs/disclosure.md"


def test_every_table_has_its_purpose_writer_and_retention_and_no_other_is_named() -> None:
    made = {
        name
        for path in (ROOT / "gateway/migrations/sql").glob("*.sql")
        for name in re.findall(r"^create table (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    lines = re.findall(r"^\| `(\w+)` \|(.+)\|$", (ROOT / "docs/data-model.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(made) == sorted(name for name, _ in lines)
    assert all(len([cell for cell in rest.split("|") if cell.strip()]) == 3 for _, rest in lines)
