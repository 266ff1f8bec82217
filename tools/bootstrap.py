"""Make ``.venv`` and put into it exactly what the lock says, then the project itself.

    python3 tools/bootstrap.py runtime    what the product needs
    python3 tools/bootstrap.py dev        that, and what tests and lint need
    python3 tools/bootstrap.py bench      that, and the engines that benchmarks compare with

Standard library alone: it runs before anything is installed. Uses uv when it is there, pip when it isn't or fails. A stamp
with the lock's hash makes the next call a matter of milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
# A group holds all of the groups before it.
GROUPS = ("runtime", "dev", "bench")


def main(group: str) -> None:
    """Set up one group, unless its stamp says that it stands."""
    if sys.version_info < OLDEST:
        stop(
            f"Python {'.'.join(map(str, OLDEST))} or newer is needed; this is {sys.version.split()[0]}. Try: make PYTHON=python3.11 …"
        )
    if PYTHON.exists() and any(stamp(larger).exists() for larger in GROUPS[GROUPS.index(group) :]):
        return
    began = time.monotonic()
    make_environment()
    for old in VENV.glob(".ok-*"):
        old.unlink()
    install("--require-hashes", "-r", str(lock(group)))
    # No dependencies and no isolated build: both would fetch what no hash pins.
    install("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    for done in GROUPS[: GROUPS.index(group) + 1]:
        stamp(done).touch()
    print(f"set up for {group} in {time.monotonic() - began:.0f} s", flush=True)


def lock(group: str) -> Path:
    """Return the group's lock: every package with its version and the hashes of its files."""
    return ROOT / "requirements" / f"{group}.txt"


def stamp(group: str) -> Path:
    """Return the file that says: this environment is what this lock and this project file ask for."""
    wanted = lock(group).read_bytes() + (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()
    return VENV / f".ok-{group}-{hashlib.sha256(wanted).hexdigest()[:32]}"


def make_environment() -> None:
    """Make ``.venv``, also in place of one whose Python is gone or another version."""
    if VENV.exists() and works():
        return
    try:
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(VENV)
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV, ignore_errors=True)
        stop("Python's venv module lacks pip. On Debian and Ubuntu: apt-get install python3-venv")
    except OSError as error:
        stop(f"cannot make {VENV}: {error.strerror}")


def works() -> bool:
    """Tell whether the environment's Python runs and is the version that runs us."""
    try:
        said = subprocess.run(
            [str(PYTHON), "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return said.stdout.strip() == str(tuple(sys.version_info[:2]))


def install(*wanted: str) -> None:
    """Install with uv, else with pip; retry with pip what uv failed at."""
    uv = shutil.which("uv")
    # uv never fetches an interpreter of its own: the environment's is the one.
    quiet = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if uv and call([uv, "pip", "install", "-q", "--python", str(PYTHON), *wanted], quiet):
        return
    if uv:
        print("uv failed; trying pip", flush=True)
    if not call([str(PYTHON), "-m", "pip", "--version"], quiet, silent=True):
        call([str(PYTHON), "-m", "ensurepip"], quiet)
    if not call([str(PYTHON), "-m", "pip", "install", "-q", "--no-input", *wanted], quiet):
        stop("pip could not install what the lock names; its reason stands above. Is the package index reachable from here?")


def call(command: list[str], environment: dict[str, str], *, silent: bool = False) -> bool:
    """Run a command and tell whether it succeeded."""
    output = subprocess.DEVNULL if silent else None
    return not subprocess.run(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, check=False).returncode


def stop(reason: str) -> None:
    """Say why and leave."""
    sys.exit(f"set-up: {reason}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in GROUPS:
        sys.exit(f"usage: bootstrap.py {'|'.join(GROUPS)}")
    main(sys.argv[1])
