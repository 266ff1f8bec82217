"""The page docs/rows.md: which test shows which row of the requirements, read from the marks on the tests.

``python -m tests.rows > docs/rows.md``
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MARK: Final = "row"
# What a client, a relative, a carer or an administrator may count on, in our words; the numbers are those of the requirements.
ROWS: Final = {
    "C1": "An account is a person's; a care page is about a client, and may stand in another person's account",
    "C2": "The administrator of a care page invites others; nothing is shown before they accept, and only the administrator changes rights",
    "C3": "A code from a letter connects a care page with a care organisation: once, for a limited time, with a limited number of tries",
    "C4": "Somebody may care for several clients, and sees one at a time",
    "C5": "Three levels of rights: nothing, basic, and private messages and medical information",
    "C6": "Basic shows the calendar and what is meant for the whole circle, and no more",
    "C7": "The dossier and the care plan are for the trust group alone; for others they don't even seem to exist",
    "C8": "A message is for all relatives, for the trust group, or for the trust group and the care organisation; in doubt for the trust group",
    "C12": "A message that the care organisation may read is labelled so, and says so",
    "C13": "General and medical reports, measurements and the care plan are the dossier",
    "C14": "A report shows its writer, organisation, time and words",
    "C15": "Measurements are drawn over time, one unit a line, and never from a number that was not measured",
    "C16": "The care plan that holds now is shown, by life domain, with goals and actions",
    "C18": "Dossier and care plan open after a second sign-in step, each time again; calendar and messages need none",
    "C19": "The second step comes by SMS, or is spoken to a home telephone; another number needs a link by e-mail first",
    "M1": "A device is verified at its first sign-in, and that holds for this device alone",
    "M2": "A one-time link lives three minutes",
    "M3": "An invitation is accepted first, and may open a part only",
    "M4": "An administrator of several clients changes from one to another",
    "M10": "The newest message comes first",
    "M11": "Reports, questionnaires and care plan can be read, not changed, on a time line",
    "M12": "At 07, 11, 15, 19 and 23 h the portal is brought up to date; what was taken away leaves at once",
    "M14": "A notice is for all relatives; the newest is on the first page",
}

PAGE: Final = """# What is promised, and the test that shows it

<!-- Generated from the marks on the tests: python -m tests.rows > docs/rows.md -->

A test that carries `@pytest.mark.row("C3")` shows row C3. A row without a test fails the build.

| row | promise | tests |
|---|---|---|
{lines}
"""


def marked() -> dict[str, list[str]]:
    """Return the tests of each row as ``path::name``, in the order of the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for row, name in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            found[row].append(f"{path.relative_to(ROOT)}::{name}")
    return found


def _marks(module: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield from ((row, node.name) for decorator in node.decorator_list for row in _rows_of(decorator))


def _rows_of(decorator: ast.expr) -> Iterator[str]:
    if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and decorator.func.attr == MARK:
        yield from (one.value for one in decorator.args if isinstance(one, ast.Constant) and isinstance(one.value, str))


def render() -> str:
    """Return the page."""
    tests = marked()
    lines = [f"| {row} | {promise} | {'<br>'.join(f'`{name}`' for name in tests[row])} |" for row, promise in ROWS.items()]
    return PAGE.format(lines="\n".join(lines))


if __name__ == "__main__":
    sys.stdout.write(render())
