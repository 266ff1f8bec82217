"""The embedded database keeps its promises against real processes that die at bad moments."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from gateway.database import Database
from gateway.errors import Misconfigured
from gateway.migrate import upgrade
from gateway.postgres import Server, start
from gateway.postgres_folder import LONGEST_SOCKET_PATH, SUPERUSER
from gateway.roles import DATABASE, LOGIN, prepare

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")

# A process that starts the server, says its pid and keeps it until its standard input closes.
OWNER = """
import sys
from pathlib import Path
from gateway.postgres import start
server = start(Path(sys.argv[1]), durable=False)
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the database's user can reach; pytest's own is closed to others."""
    base = Path(tempfile.mkdtemp(prefix="zorgsluis-launcher-")).resolve()
    base.chmod(0o755)
    yield base / "postgres"
    for process in psutil.process_iter(["cmdline"]):
        if str(base) in " ".join(process.info["cmdline"] or ()):
            process.kill()
    shutil.rmtree(base)


def serve(folder: Path) -> Server:
    return start(folder, durable=False)


def write_row(server: Server, text: str) -> None:
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("set role zorgsluis_owner")
        connection.execute("create table if not exists kept (text text)")
        connection.execute("insert into kept values (%s)", (text,))


def rows(server: Server) -> list[str]:
    with psycopg.connect(server.dsn()) as connection:
        return [row[0] for row in connection.execute("select text from kept order by text")]


def owner(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said_pid(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def until_locked(lock: Path, by: subprocess.Popen[str]) -> None:
    """Return once the process has begun to start the server: from then on it holds this lock."""
    with lock.open("rb") as handle:
        while by.poll() is None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(handle, fcntl.LOCK_UN)
    raise AssertionError("the starter ended before it took the lock")


def release(process: subprocess.Popen[str]) -> None:
    with process:
        process.communicate()
    assert process.returncode == 0


def test_rows_are_there_after_a_stop_and_a_start(folder: Path) -> None:
    with serve(folder) as server:
        write_row(server, "first")
    assert server.pid is None

    with serve(folder) as server:
        assert rows(server) == ["first"]


def test_a_killed_server_is_started_again_with_every_committed_row(folder: Path) -> None:
    with serve(folder) as server:
        write_row(server, "committed")
        killed = server.pid
        assert killed
        os.kill(killed, signal.SIGKILL)

        with serve(folder) as again:
            assert again.pid not in {None, killed}
            assert rows(again) == ["committed"]


def test_an_owner_can_bring_its_killed_server_back(folder: Path) -> None:
    with serve(folder) as server:
        write_row(server, "committed")
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)

        server.ensure()

        assert rows(server) == ["committed"]


def test_a_killed_server_with_a_backend_that_lingers_is_never_doubled(folder: Path) -> None:
    with serve(folder) as server, psycopg.connect(server.dsn()) as connection:
        write_row(server, "committed")
        backend = connection.info.backend_pid
        assert server.pid
        # A stopped process can't notice that its server is gone: the worst kind of leftover.
        os.kill(backend, signal.SIGSTOP)
        os.kill(server.pid, signal.SIGKILL)
        starter = owner(folder)
        until_locked(folder / "lock", starter)
        for _ in range(40):
            ready = [str(server.programs / "pg_isready"), "-h", str(server.folder.run)]
            assert subprocess.run(ready, capture_output=True, check=False).returncode != 0
            assert starter.poll() is None, "it neither waits nor starts"
        assert server.pid is None
        os.kill(backend, signal.SIGKILL)

        assert said_pid(starter) == server.pid
        assert rows(server) == ["committed"]
        release(starter)


def test_a_server_whose_owner_was_killed_is_found_again(folder: Path) -> None:
    first = owner(folder)
    pid = said_pid(first)
    first.kill()
    first.communicate()
    assert psutil.pid_exists(pid)

    with serve(folder) as server:
        assert server.pid == pid
        write_row(server, "adopted")
        assert rows(server) == ["adopted"]
    assert server.pid is None


def test_those_who_start_at_the_same_moment_share_one_server(folder: Path) -> None:
    starters = [owner(folder) for _ in range(3)]
    pids = [said_pid(starter) for starter in starters]

    assert len(set(pids)) == 1
    for starter in starters:
        assert psutil.pid_exists(pids[0])
        release(starter)
    assert not (folder / "cluster" / "data" / "postmaster.pid").exists()


def test_the_server_stays_until_its_last_owner_stops_it(folder: Path) -> None:
    first, second = serve(folder), serve(folder)
    first.stop()
    first.stop()
    write_row(second, "still here")
    second.stop()
    assert second.pid is None


def test_a_pid_that_was_given_out_again_does_not_keep_the_server_down(folder: Path) -> None:
    with serve(folder) as server:
        write_row(server, "kept")
        ours = (folder / "cluster/data/postmaster.pid").read_text()
    (folder / "cluster/data/postmaster.pid").write_text(ours.replace(ours.split("\n")[0], str(os.getpid()), 1))

    with serve(folder) as server:
        assert rows(server) == ["kept"]


def test_what_a_cut_off_first_start_left_behind_is_made_anew(folder: Path) -> None:
    with serve(folder):
        pass
    shutil.move(folder / "cluster/data", folder / "cluster/data.new")
    (folder / "cluster/data.new/PG_VERSION").unlink()
    (folder / "draft-cut-off").mkdir()

    with serve(folder) as server:
        write_row(server, "new")
        assert rows(server) == ["new"]
    assert not (folder / "cluster/data.new").exists()
    assert not (folder / "draft-cut-off").exists()


def test_no_process_of_the_server_listens_on_the_network(folder: Path) -> None:
    with serve(folder) as server:
        assert server.pid
        process = psutil.Process(server.pid)
        # Only the postmaster accepts: what it doesn't listen on, its children can't.
        assert process.net_connections("inet") == []
        assert [str(c.laddr) for c in process.net_connections("unix")] == [f"{folder}/run/.s.PGSQL.5432"]


def test_the_server_never_runs_as_root_and_its_files_are_its_own(folder: Path) -> None:
    with serve(folder) as server:
        expected = pwd.getpwnam("nobody").pw_uid if AS_ROOT else os.geteuid()
        assert server.pid
        assert set(psutil.Process(server.pid).uids()) == {expected}
        for private in ("cluster", "cluster/data", "run"):
            found = (folder / private).stat()
            assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (expected, 0o700), private


@only_root
@pytest.mark.parametrize(("user", "wall"), [("daemon", "Permission denied"), ("nobody", "Peer authentication failed")])
def test_another_user_of_the_machine_cannot_connect(folder: Path, user: str, wall: str) -> None:
    with serve(folder) as server:
        for role in (SUPERUSER, LOGIN, "zorgsluis_engine"):
            psql = [str(server.programs / "psql"), "-h", str(server.folder.run), "-U", role, "-d", "zorgsluis", "-c", "select 1"]
            assert subprocess.run(psql, capture_output=True, check=False).returncode == 0
            tried = subprocess.run(
                psql, capture_output=True, text=True, check=False, user=user, group="nogroup", extra_groups=[], cwd="/", env={}
            )
            assert tried.returncode != 0
            assert wall in tried.stderr


def test_a_path_too_long_for_a_socket_gets_a_short_place_for_it(folder: Path) -> None:
    long = folder / ("l" * LONGEST_SOCKET_PATH)
    with serve(long) as server:
        write_row(server, "kept")
        run = server.folder.run
        assert not run.is_relative_to(long)
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        with serve(long) as second:
            assert second.pid == server.pid
    shutil.rmtree(run)


def test_the_callers_environment_does_not_bend_the_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGDATA": "/elsewhere", "PGPORT": "1", "PGHOST": "elsewhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    with serve(folder) as server:
        write_row(server, "kept")
        assert rows(server) == ["kept"]


def test_the_log_quotes_no_statement_no_row_and_no_parameter(folder: Path) -> None:
    canary = "Kanarie-van-der-Test"
    with serve(folder) as server:
        write_row(server, canary)
        with psycopg.connect(server.dsn("zorgsluis", "zorgsluis_owner"), autocommit=True) as connection:
            connection.execute("create unique index on kept (text)")
            for statement in (
                "select %s::integer",
                "select %s::text::date",
                "insert into kept values (%s)",
                "select %s from nowhere",
            ):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement, (canary,))
    said = (folder / "cluster/server.log").read_text()
    assert "ready to accept connections" in said
    assert canary not in said


def test_data_of_another_version_is_refused_and_left_alone(folder: Path) -> None:
    with serve(folder):
        pass
    (folder / "cluster/data/PG_VERSION").write_text("17\n")
    with pytest.raises(Misconfigured, match=r"made by Postgres 17 and this installation has 18.*ZORGSLUIS_STATE"):
        serve(folder)


@only_root
def test_a_place_that_the_servers_user_cannot_reach_is_named(folder: Path) -> None:
    folder.parent.chmod(0o700)
    with pytest.raises(Misconfigured, match=f"nobody, who can't pass {folder.parent}; set ZORGSLUIS_STATE"):
        serve(folder)


def test_a_server_that_cannot_start_says_why_and_where_its_log_is(folder: Path) -> None:
    with serve(folder):
        pass
    shutil.rmtree(folder / "cluster/data/global")
    with pytest.raises(Misconfigured, match=r"does not start: .*could not find the database system.*; its log is .*server.log"):
        serve(folder)


def test_preparing_a_server_again_changes_nothing_and_takes_no_superuser(folder: Path) -> None:
    with serve(folder) as server:
        prepare(server.dsn("postgres", SUPERUSER), DATABASE)
        prepare(server.dsn())


def test_preparing_without_the_right_says_what_to_run(folder: Path) -> None:
    with serve(folder) as server:
        with psycopg.connect(server.dsn("postgres", SUPERUSER)) as connection:
            connection.execute("alter role zorgsluis_app bypassrls")
        with pytest.raises(Misconfigured, match=r'as its superuser run: alter role "zorgsluis_app" .*nobypassrls'):
            prepare(server.dsn())


def test_an_operators_own_database_and_login_serve_once_a_superuser_prepared_them(folder: Path) -> None:
    with serve(folder) as server:
        with psycopg.connect(server.dsn("postgres", SUPERUSER), autocommit=True) as admin:
            admin.execute("create database operators")
            # Who may log in here is fixed: one of the known roles plays the operator's own.
            admin.execute("revoke zorgsluis_owner, zorgsluis_app, zorgsluis_engine from zorgsluis")
        dsn = server.dsn("operators")
        with pytest.raises(
            Misconfigured, match=r'as its superuser run: grant "zorgsluis_owner" to "zorgsluis"; .*on schema "public"'
        ):
            prepare(dsn)

        prepare(server.dsn("operators", SUPERUSER))
        prepare(dsn)
        upgrade(dsn)

        with Database(dsn) as database, database.transaction(None) as connection:
            assert connection.execute("select count(*) from resource").fetchone() == (0,)
