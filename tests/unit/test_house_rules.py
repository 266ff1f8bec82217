"""What reviewers said more than once, as tests. A rule that is wrong is changed here, with its reason."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "mappings", "connectors", "schedules", "api", "samples")
CODE = (*PACKAGES, "tests", "tools")
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".txt",
    ".json",
    ".sql",
    ".csv",
    ".html",
    ".css",
    ".js",
    ".xml",
    ".cfg",
    ".java",
    ".sh",
    "",
}
# What tools make and git ignores.
PASSED_BY = {".git", ".venv", ".hypothesis", "__pycache__", "target", "build", "dist", "artifacts"}

LONGEST_FILE = 400
# file → why it is longer
LONG_FILES: dict[str, str] = {
    "tests/integration/test_sample_portal.py": "the portal contract, promise by promise",
}
# module → the declared dependency that brings it, for what we may import without naming it ourselves
BROUGHT_ALONG = {
    "starlette": "fastapi",
    "psycopg_pool": "psycopg",
    "markupsafe": "jinja2",
    "anyio": "fastapi",
    "pydantic_core": "pydantic",
}
# Contract tests ship with the product; who runs them has the tools for it.
TEST_KIT, TEST_TOOLS = "gateway/testing", {"pytest", "hypothesis"}
# Who may ask the time itself, with the reason; everybody else is told.
CLOCKS = {
    "gateway/clock.py": "it is the clock",
    "connectors/portals/member_fhir/token.py": "what it signs is judged by the portal's own clock",
    "connectors/portals/member_fhir/answers.py": "a date in Retry-After is the portal's own clock",
}
# What no log line may carry, whatever the value: who somebody is, or what was written about them.
NEVER_LOGGED = re.compile(
    r"bsn|birth|given|family|surname|email|phone|street|text|body|content|note|payload|query|url|uri|token|secret|password"
)
# What hands on the events of others: their calls are looked at, not the handing on.
PASSES_LOGS_ON = {"gateway/context.py"}
EVENT_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
MACHINE_PATH = re.compile(r"/(?:home|Users)/[a-z][a-z0-9_-]*/|/root/|/private/var/|[A-Z]:\\Users")
# Written in two parts, so that this file obeys its own rule.
REGISTRIES = re.compile("|".join(re.escape(a + b) for a, b in [
    ("pypi", ".org"), ("python", "hosted.org"), ("registry.", "npmjs"), ("repo.", "maven"), ("repo1.", "maven"),
    ("docker", ".io/"), ("gh", "cr.io"), ("conda.", "anaconda"), ("crates", ".io/api"),
]))  # fmt: skip


def files(*suffixes: str, below: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield the project's own files, those at the top included when no folder is named."""
    tops = [ROOT / name for name in below] if below else sorted(top for top in ROOT.iterdir() if top.name not in PASSED_BY)
    for top in tops:
        for path in [top, *sorted(top.rglob("*"))] if top.is_dir() else [top]:
            parts = path.relative_to(ROOT).parts
            passed_by = PASSED_BY & set(parts) or parts[0].endswith("_cache")
            if not passed_by and path.suffix in suffixes and path.is_file():
                yield path


def place(path: Path) -> str:
    """Return a file's path as we speak of it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return a source file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def project() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirement_name(requirement: str) -> str:
    """Return the normalised name in a requirement."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


# Files


def test_no_source_file_is_too_long_to_read_at_a_sitting() -> None:
    long = {
        place(p): n for p in files(".py", below=CODE) if (n := len(p.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}
    assert set(LONG_FILES) <= set(long), "no longer long: take it off the list"


def test_every_module_says_what_it_is_for() -> None:
    # An empty __init__ below the top only makes its folder a package.
    spoken = [p for p in files(".py", below=CODE) if tree(p).body or p.parent.parent == ROOT]
    assert [place(p) for p in spoken if not ast.get_docstring(tree(p))] == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {
        parent for p in files(".py", below=PACKAGES) for parent in p.parents if parent.is_relative_to(ROOT) and parent != ROOT
    }
    assert [
        place(folder) for folder in sorted(folders) if folder.name != "versions" and not (folder / "__init__.py").exists()
    ] == []


def test_nothing_is_left_to_do_later() -> None:
    marks = re.compile(r"(?:#|--|<!--).*\b(?:TODO|FIXME|XXX)\b")
    texts = {p: p.read_text(encoding="utf-8") for p in files(".py", ".sql", ".md") if p != Path(__file__)}
    assert [f"{place(p)}: {match.group()}" for p, text in texts.items() if (match := marks.search(text))] == []


def test_no_file_knows_the_machine_that_it_was_written_on() -> None:
    found = {}
    for path in files(*TEXT):
        if path != Path(__file__) and (match := MACHINE_PATH.search(path.read_text(encoding="utf-8", errors="replace"))):
            found[place(path)] = match.group()
    assert found == {}


def test_no_file_names_a_package_registry() -> None:
    found = {}
    for path in files(*TEXT):
        if match := REGISTRIES.search(path.read_text(encoding="utf-8", errors="replace")):
            found[place(path)] = match.group()
    assert found == {}


# Packages


def test_no_other_distribution_owns_one_of_our_package_names() -> None:
    owners = packages_distributions()
    assert {name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"zorgsluis"}} == {}


def test_what_the_product_imports_is_declared() -> None:
    declared = {requirement_name(text) for text in project()["project"]["dependencies"]}
    owners = packages_distributions()
    undeclared = {}
    for path in files(".py", below=PACKAGES):
        known = set(PACKAGES) | set(sys.stdlib_module_names) | (TEST_TOOLS if place(path).startswith(TEST_KIT) else set())
        for module in imported(tree(path)) - known:
            names = {requirement_name(name) for name in owners.get(module, [module])} | {BROUGHT_ALONG.get(module, module)}
            if not names & declared:
                undeclared[place(path)] = module
    assert undeclared == {}


def imported(module: ast.Module) -> set[str]:
    """Return the top-level names that a module imports, also inside its functions."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize(
    ("group", "needed"),
    [("runtime", ("build",)), ("dev", ("build", "test", "lint")), ("bench", ("build", "test", "lint", "bench"))],
)
def test_the_lock_pins_by_hash_all_that_the_project_declares(group: str, needed: tuple[str, ...]) -> None:
    text = (ROOT / "requirements" / f"{group}.txt").read_text(encoding="utf-8")
    pins = re.split(r"\n(?=\S)", text.strip())
    assert [pin for pin in pins if not re.match(r"[a-z0-9._-]+(\[.*\])?==[^\s]+", pin) or "--hash=sha256:" not in pin] == []
    declared = [*project()["project"]["dependencies"], *(one for name in needed for one in project()["dependency-groups"][name])]
    assert {requirement_name(one) for one in declared} - {requirement_name(pin) for pin in pins} == set()
    assert "://" not in text


def test_the_locks_agree() -> None:
    runtime, dev, bench = (
        dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", (ROOT / "requirements" / f"{group}.txt").read_text(), re.MULTILINE))
        for group in ("runtime", "dev", "bench")
    )
    assert runtime.items() <= dev.items() <= bench.items()


# Care data


def log_calls(path: Path) -> Iterator[ast.Call]:
    """Yield the calls of a logger, known by its name, and of ``ctx.log``, a connector's way to it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and place(path) not in PASSES_LOGS_ON:
            logger = isinstance(node.func.value, ast.Name) and node.func.value.id.lower() in {"log", "logger", "logging", "_log"}
            if (logger and node.func.attr in LOG_METHODS) or node.func.attr == "log":
                yield node


def test_a_log_line_is_a_fixed_event_name_with_fields() -> None:
    wrong = []
    for path in files(".py", below=PACKAGES):
        for call in log_calls(path):
            event = call.args[0] if len(call.args) == 1 else None
            if not (isinstance(event, ast.Constant) and isinstance(event.value, str) and EVENT_NAME.fullmatch(event.value)):
                wrong.append(f"{place(path)}:{call.lineno}")
    assert wrong == []


def test_no_log_line_carries_who_somebody_is_or_what_was_written() -> None:
    wrong = []
    for path in files(".py", below=PACKAGES):
        for call in log_calls(path):
            fields = [keyword.arg or "**" for keyword in call.keywords]
            wrong += [f"{place(path)}:{call.lineno} {name}" for name in fields if name == "**" or NEVER_LOGGED.search(name)]
    assert wrong == []


def test_no_bsn_is_ever_put_into_a_text() -> None:
    wrong = []
    for path in files(".py", below=("gateway", "connectors", "schedules", "api")):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FormattedValue):
                named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
                    n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
                }
                if any(name.lower() == "bsn" or name.lower().endswith("_bsn") for name in named):
                    wrong.append(f"{place(path)}:{node.lineno}")
    assert wrong == []


# Time


def calls_of(path: Path, *names: str) -> list[str]:
    """Return the places where one of these dotted names is called."""
    return [
        f"{place(path)}:{node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names
    ]


def test_time_comes_in_as_a_parameter() -> None:
    asked = ("datetime.now", "datetime.utcnow", "datetime.datetime.now", "date.today", "time.time")
    places = [
        found
        for path in files(".py", below=("gateway", "mappings", "connectors", "schedules"))
        for found in calls_of(path, *asked)
    ]
    assert [found for found in places if found.partition(":")[0] not in CLOCKS] == []


def test_no_test_sleeps_but_between_two_looks_at_a_condition() -> None:
    sleeps = ("time.sleep", "sleep", "asyncio.sleep")
    blind = []
    for path in files(".py", below=("tests",)):
        within_loops = {
            id(inner)
            for loop in ast.walk(tree(path))
            if isinstance(loop, ast.While | ast.For | ast.AsyncFor)
            for inner in ast.walk(loop)
        }
        calls = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Call) and ast.unparse(n.func) in sleeps]
        blind += [f"{place(path)}:{call.lineno}" for call in calls if id(call) not in within_loops]
    assert blind == []


def test_every_test_states_a_promise_in_its_name() -> None:
    functions = [
        (path, node.name)
        for path in files(".py", below=("tests",))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert [f"{place(path)}: {name}" for path, name in functions if name.count("_") < 2] == []


# Words


def test_decision_records_are_numbered_and_say_what_and_why() -> None:
    records = [p for p in sorted((ROOT / "docs" / "decisions").glob("*.md")) if p.name != "README.md"]
    assert [int(p.name[:4]) for p in records] == list(range(1, len(records) + 1))
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name), path.name
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert [part for part in ("**Decided.**", "**Why.**", "**Consequence.**") if part not in text] == [], path.name


def test_links_in_the_documentation_lead_somewhere() -> None:
    links = []
    for path in files(".md"):
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        links += [(path, target) for target in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:|#", target)]
    assert [f"{place(path)}: {target}" for path, target in links if not (path.parent / target.partition("#")[0]).exists()] == []


def test_a_documented_command_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    unknown = {
        f"{place(path)}: make {name}"
        for path in files(".md")
        for name in re.findall(r"`make ([a-z][a-z-]*)", path.read_text(encoding="utf-8"))
        if name not in targets
    }
    assert unknown == set()
