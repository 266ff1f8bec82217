"""The command that a stranger types first, run as they run it."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from api.demonstration.lies import LIES
from api.demonstration.setup import discard, folder_in
from tests.conftest import reachable_folder
from tests.kills.stage import await_condition, environment

DEMO_S = 280
# The database's own folders are its own user's.
NOT_OURS = ("postgres",)


def command(name: str, *arguments: str) -> list[str]:
    """The demonstration in a state folder of its own."""
    return [sys.executable, "-m", "api.cli", "--state", str(reachable_folder(f"demo-{name}")), "demo", "--once", *arguments]


def demo(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demonstration to its end."""
    return subprocess.run(
        command(name, *arguments), env=environment(), capture_output=True, text=True, timeout=DEMO_S, check=False, cwd=Path("/")
    )


def test_the_demonstration_accounts_for_every_record_and_every_pair() -> None:
    done = demo("whole", "--clients", "20")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "DOES NOT BALANCE" not in done.stdout
    assert done.stdout.count("the portal's own store holds exactly what each member may have") == 3
    assert re.search(r"[1-9]\d* items gone from the portal, [1-9]\d* narrowed", done.stdout)
    assert files_others_may_read(reachable_folder("demo-whole") / "demo") == []


def files_others_may_read(folder: Path) -> list[Path]:
    ours = (path for path in folder.rglob("*") if path.relative_to(folder).parts[0] not in NOT_OURS)
    return [path for path in ours if path.is_file() and path.stat().st_mode & 0o077]


def test_a_demonstration_that_is_killed_takes_its_neighbours_with_it() -> None:
    folder = reachable_folder("demo-killed") / "demo"
    process = subprocess.Popen(command("killed", "--clients", "8"), env=environment(), stdout=subprocess.DEVNULL, cwd=Path("/"))
    try:
        await_condition(lambda: len(neighbours_of(folder)) == 2)
    finally:
        process.kill()
        process.wait()

    await_condition(lambda: neighbours_of(folder) == [])
    discard(folder)


def neighbours_of(folder: Path) -> list[str]:
    """Return the samples that run for this folder, by their command lines."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(line.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if " -m samples." in line and f"{folder}/" in line]


def test_a_demonstrations_own_folder_named_as_state_is_its_folder(tmp_path: Path) -> None:
    (tmp_path / "truth.jsonl").touch()

    assert folder_in(tmp_path) == tmp_path
    assert folder_in(tmp_path / "new") == tmp_path / "new" / "demo"


def test_of_a_second_sync_only_the_change_travels() -> None:
    done = demo("change", "--clients", "20")

    tables = re.findall(r"^stream +slices.*?\nin ", done.stdout, re.MULTILINE | re.DOTALL)
    first, second = (_columns(table) for table in tables)
    for stream, moved in second.items():
        # A new version of a plan takes away what the old one gave, and gives as much again.
        a_record = -(-first[stream]["written"] // max(first[stream]["mapped"], 1))
        assert moved["written"] <= 4 * a_record * moved["mapped"], stream
        assert moved["mapped"] <= max(4, first[stream]["mapped"] // 10), stream
    for stream in ("clients", "relations", "employees", "reports"):
        assert second[stream]["requests"] <= 4, stream
    for stream in ("care_plans", "agenda"):
        assert second[stream]["requests"] <= second[stream]["slices"] + 1, stream


@pytest.mark.parametrize("lie", LIES)
def test_a_planted_lie_ends_in_exit_4_and_its_key_is_named(lie: str) -> None:
    done = demo(f"lie-{lie}", "--clients", "8", "--days", "30", "--lie", lie)

    assert done.returncode == 4, done.stdout + done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert wrong
    if lie == "hidden-delivered":
        assert any("although: hidden" in line for line in wrong)
    else:
        assert any(line.startswith(f"WRONG  {lie}: ") for line in wrong), wrong


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--clients", "0"], "greater than or equal to 2"), (["--lie", "x"], "no lie is called")]
)
def test_wrong_input_is_answered_with_exit_2_and_what_to_do(arguments: list[str], said: str) -> None:
    done = demo("wrong", "--clients", "2", "--days", "7", *arguments)

    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def _columns(table: str) -> dict[str, dict[str, int]]:
    header, *rows = [line.split() for line in table.splitlines() if not line.startswith("in ")]
    return {row[0]: dict(zip(header[1:], map(int, row[1:]), strict=True)) for row in rows}
