"""``docs/cli.md``, written from the commands themselves: ``python -m api.cli.reference > docs/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

HEADER = """# Command line

Generated from the commands (`python -m api.cli.reference`); a test keeps it current.

Exit codes everywhere: **0** done · **1** done, some set aside · **2** usage · **3** could not run (configuration, authorisation,
unreachable) · **4** loss or a broken invariant. Every listing has `--json` (JSON lines). The options `--config`, `--state` and `--org` come
before the command.
"""


def reference() -> str:
    """Return the page."""
    from api.cli.app import app

    root = typer.main.get_command(app)
    return HEADER + "".join(_command("zorgsluis", root)) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    """Yield a command's section and those of its commands. (Typer carries its own copy of click, hence no click types.)"""
    arguments = [param.name.upper() for param in command.params if _is_argument(param)]
    yield f"\n## `{' '.join([name, *arguments])}`\n\n{(command.help or '').strip()}\n"
    rows = [_row(param) for param in command.params if param.name != "help" and _help(param)]
    if rows:
        yield "\n| | |\n|---|---|\n" + "".join(rows)
    for child_name, child in getattr(command, "commands", {}).items():
        yield from _command(f"{name} {child_name}", child)


def _is_argument(param: Any) -> bool:
    return bool(param.param_type_name == "argument")


def _help(param: Any) -> str:
    return str(getattr(param, "help", None) or "")


def _row(param: Any) -> str:
    name = param.name.upper() if _is_argument(param) else ", ".join(param.opts)
    if getattr(param, "hidden", False):
        return ""
    default = param.default
    shown = f" Default {default}." if default not in (None, False, "") and not callable(default) else ""
    return f"| `{name}` | {_help(param)}{shown} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
