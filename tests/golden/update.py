# ruff: noqa: T201 - a command speaks on standard output
"""Write the expected files anew from what the maps make now, and name those that changed. Read the diff before you commit it.

Run it from the root of the repository: ``.venv/bin/python tests/golden/update.py``, with the beginning of names to write only those:
``… update.py hl7v2-adt``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from gateway.mapping.golden import written  # noqa: E402
from gateway.mapping.versions import compile_shipped  # noqa: E402 - the path comes first: this file is run as a script
from tests.golden.cases import cases  # noqa: E402


def main() -> None:
    """Rewrite the files."""
    wanted = tuple(sys.argv[1:]) or ("",)
    for case in (case for case in cases() if case.name.startswith(wanted)):
        made = written(case.result(compile_shipped(case.system)))
        if not case.expected.exists() or case.expected.read_bytes() != made:
            case.expected.write_bytes(made)
            print(case.name)


if __name__ == "__main__":
    main()
