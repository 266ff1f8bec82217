"""Documentation that is generated is current."""

from __future__ import annotations

from pathlib import Path

from api.cli.reference import reference

ROOT = Path(__file__).parents[2]


def test_the_command_line_page_says_what_the_commands_say() -> None:
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == reference(), "run: python -m api.cli.reference > docs/cli.md"
