"""The embedded database: a Postgres that comes with the installation, for a first run without any server.

It listens on a unix socket alone, runs as an unprivileged user when we are root, and outlives a killed owner: the next
``start`` finds it again. There is never a second server on the same data: starters wait for each other's lock, and the
server's processes hold one of their own for as long as they live.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import psycopg

from gateway.errors import Misconfigured, TransientError
from gateway.postgres_folder import (
    PORT,
    SUPERUSER,
    Folder,
    copy_programs,
    forget_other_programs,
    open_folder,
    write_settings,
)
from gateway.roles import DATABASE, LOGIN, prepare

# Recovery after a crash reads the write-ahead log back: long enough for a large one.
START_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 60
POLL_S: Final = 0.05
LARGEST_LOG_BYTES: Final = 10_000_000


@dataclass(slots=True, kw_only=True)
class Server:
    """A running server and our share in it; use it as a context manager, or call ``stop``."""

    folder: Folder
    programs: Path
    share: int | None = field(default=None, repr=False)

    def dsn(self, dbname: str = DATABASE, user: str = LOGIN) -> str:
        """Return the address of a database on this server; it works for the user that started it and for nobody else."""
        return f"postgresql://{user}@/{quote(dbname)}?host={quote(str(self.folder.run), safe='')}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """The server's process, ``None`` when it doesn't run."""
        return _postmaster(self.folder)

    def ensure(self) -> None:
        """Start the server again when it was killed; it recovers by itself."""
        with _locked(self.folder.path):
            _run(self)

    def stop(self) -> None:
        """Give up our share; the last one to do so stops the server. Calling it again does nothing."""
        if self.share is None:
            return
        with _locked(self.folder.path):
            share, self.share = self.share, None
            try:
                # A lock can't be raised from shared to exclusive in one step: let go first, the other lock keeps us alone.
                fcntl.flock(share, fcntl.LOCK_UN)
                if _try_lock(share):
                    _stop(self)
            finally:
                os.close(share)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(folder: Path, *, durable: bool = True, connections: int = 60, programs: Path | None = None) -> Server:
    """Start the server of this folder, or join the one that runs; roles and the database ``zorgsluis`` are there after it.

    ``durable=False`` is for tests: a fall of the machine may lose rows, a killed process never does. ``programs`` names
    another Postgres' bin folder.

    Raises:
        Misconfigured: it can't run here; the text says why and what to do.
        TransientError: another process keeps the lock, or the server takes too long to start.
    """
    places = open_folder(folder.resolve())
    with _locked(places.path):
        write_settings(places, durable=durable, connections=connections)
        server = Server(folder=places, programs=programs or copy_programs(places))
        if not places.data.is_dir():
            _create(server, durable=durable)
        _run(server)
        prepare(server.dsn("postgres", SUPERUSER), DATABASE)
        server.share = _open(places.path / "in-use")
        fcntl.flock(server.share, fcntl.LOCK_SH)
    return server


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Be the only one who starts or stops this server. The kernel frees the lock of a killed process."""
    handle = _open(folder / "lock")
    try:
        until = time.monotonic() + START_TIMEOUT_S + STOP_TIMEOUT_S
        while not _try_lock(handle):
            if time.monotonic() > until:
                raise TransientError(f"another process keeps {folder / 'lock'}; find it with: fuser {folder / 'lock'}")
            time.sleep(POLL_S)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _create(server: Server, *, durable: bool) -> None:
    # Renamed when whole: a data directory that was cut off is never started.
    draft = server.folder.cluster / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    options = [
        "-D",
        str(draft),
        "-U",
        SUPERUSER,
        "--auth-local=peer",
        "--auth-host=reject",
        "-E",
        "UTF8",
        "--no-locale",
    ]
    done = _call(server, "initdb", *options, *([] if durable else ["--no-sync"]))
    if done.returncode:
        raise Misconfigured(f"initdb could not make the database in {server.folder.path}: {_reason(done.stderr)}")
    draft.rename(server.folder.data)


def _run(server: Server) -> None:
    """Return when the server answers, starting it if nobody did."""
    until = time.monotonic() + START_TIMEOUT_S
    while not _answers(server):
        if time.monotonic() > until:
            raise TransientError(f"the database does not answer; its log is {server.folder.log}")
        serving = _open(server.folder.path / "serving")
        try:
            # Held by any process of a server: one that starts, recovers or stops, or what a killed one left behind.
            if _try_lock(serving) and server.pid is None:
                _launch(server, serving)
        finally:
            os.close(serving)
        time.sleep(POLL_S)


def _launch(server: Server, serving: int) -> None:
    folder = server.folder
    _refuse_other_version(server)
    forget_other_programs(folder, server.programs)
    # No process of this server lives. What these name is a zombie that nobody reaps, or a number given out again.
    for stale in (folder.data / "postmaster.pid", folder.run / f".s.PGSQL.{PORT}.lock"):
        stale.unlink(missing_ok=True)
    if _size(folder.log) > LARGEST_LOG_BYTES:
        folder.log.rename(folder.log.with_suffix(".log.1"))
    before = _size(folder.log)
    places = ["-D", str(folder.data), "-l", str(folder.log), "-o", f'-c "config_file={folder.settings}"']
    done = _call(server, "pg_ctl", "start", "--wait", "-t", str(int(START_TIMEOUT_S)), *places, keep=serving)
    if done.returncode and server.pid is None:
        said = _reason(_read_from(folder.log, before) or done.stderr)
        raise Misconfigured(f"the database in {folder.path} does not start: {said}; its log is {folder.log}")


def _stop(server: Server) -> None:
    if server.pid is None:
        return
    options = ["-D", str(server.folder.data), "-m", "fast", "--wait", "-t", str(STOP_TIMEOUT_S)]
    done = _call(server, "pg_ctl", "stop", *options)
    if done.returncode and server.pid is not None:
        raise TransientError(f"the database does not stop; its log is {server.folder.log}")


def _answers(server: Server) -> bool:
    try:
        with psycopg.connect(server.dsn("postgres", SUPERUSER), connect_timeout=5) as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    if row is None or Path(row[0]) != server.folder.data:
        raise Misconfigured(f"another database answers in {server.folder.run}; stop it, or set ZORGSLUIS_STATE")
    return True


def _postmaster(folder: Folder) -> int | None:
    """Return the process that serves this data directory, ``None`` when there is none."""
    try:
        pid = int((folder.data / "postmaster.pid").read_text().partition("\n")[0])
        # A server works in its data directory; a zombie works nowhere, a number given out again elsewhere.
        return pid if Path(f"/proc/{pid}/cwd").readlink() == folder.data else None
    except (OSError, ValueError):
        return None


def _refuse_other_version(server: Server) -> None:
    made_by = (server.folder.data / "PG_VERSION").read_text().strip()
    found = re.search(r"\d+", _call(server, "postgres", "--version").stdout)
    if found is None:
        raise Misconfigured(f"the database's programs in {server.programs} do not run here; set DATABASE_URL instead")
    if made_by != found.group():
        raise Misconfigured(
            f"the data in {server.folder.path} was made by Postgres {made_by} and this installation has {found.group()}: "
            "dump it with the old version first, or set ZORGSLUIS_STATE to a new folder"
        )


def _call(server: Server, program: str, *options: str, keep: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs as the server's user; ``keep`` is a lock that it inherits."""
    command = [str(server.programs / program), *options]
    try:
        return subprocess.run(  # noqa: S603 our own programs with our own options
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=() if keep is None else (keep,),
            **server.folder.account.subprocess,
        )
    except (OSError, subprocess.SubprocessError) as error:
        who = server.folder.account.name
        raise Misconfigured(f"{who} cannot run {command[0]} ({error}); set DATABASE_URL instead") from None


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _read_from(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [number for number, line in enumerate(lines) if re.search(r"FATAL|PANIC|error|could not", line)]
    return " ".join(lines[telling[0] :][:2] if telling else lines[-1:]) or "no reason given"
