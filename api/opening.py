"""Open an installation: configuration, database (embedded or real), schema, keys. Everything that runs begins here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.demonstration import clock as demonstration
from gateway import migrate, postgres
from gateway.clock import Clock
from gateway.config import Config, config_path, load_config
from gateway.database import Database, Role
from gateway.errors import Misconfigured
from gateway.installation import install, recognise
from gateway.roles import prepare
from gateway.runtime import Gateway
from gateway.state import key_folder, postgres_folder, state_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An opened installation. ``organisations`` gives each code its number; ``server_pid`` is the embedded server's.

    ``differing`` are the codes of those for which the file says something else than is in use.
    """

    config: Config
    gateway: Gateway
    organisations: dict[str, int]
    dsn: str
    server_pid: int | None
    state: Path
    differing: tuple[str, ...] = ()

    def org(self, code: str | None) -> int:
        """Return the number of the organisation named, or of the only one.

        Raises:
            Misconfigured: there is no such organisation, or there are several and none was named.
        """
        if code is None and len(self.organisations) == 1:
            return next(iter(self.organisations.values()))
        known = ", ".join(sorted(self.organisations))
        if code is None:
            raise Misconfigured(f"name an organisation with --org; there are: {known}")
        if code not in self.organisations:
            raise Misconfigured(f"no organisation is called {code!r}; there are: {known}")
        return self.organisations[code]

    @contextmanager
    def engine(self) -> Iterator[Gateway]:
        """Yield a gateway in the role that sees all rows: for verification, never for disclosure."""
        with Database(self.dsn, role="zorgsluis_engine", clock=self.gateway.clock, max_size=2) as database:
            yield Gateway(database=database, clock=self.gateway.clock, keys=self.gateway.keys)


@contextmanager
def database_server(state: Path, *, embedded: bool = False) -> Iterator[tuple[str, int | None]]:
    """Yield the database's address and process: ``DATABASE_URL`` (no process), or the embedded one, started when it isn't running.

    Raises:
        Misconfigured: ``DATABASE_URL`` is set and the folder is a demonstration's: its clock is for its own database only.
    """
    url = None if embedded else os.environ.get("DATABASE_URL")
    if url:
        if demonstration.has_own_clock(state):
            raise Misconfigured(
                f"{state} is a demonstration's, with a clock of its own, and DATABASE_URL names another database: "
                "unset DATABASE_URL, or name another folder with --state"
            )
        prepare(url)
        yield url, None
        return
    with postgres.start(postgres_folder(state)) as server:
        yield server.dsn(), server.pid


@contextmanager
def open_installation(
    path: Path | None = None,
    *,
    state: Path | None = None,
    role: Role = "zorgsluis_app",
    clock: Clock | None = None,
    pool: int = 12,
    embedded: bool = False,
    apply: bool = True,
) -> Iterator[Installation]:
    """Open what the configuration describes, with the schema brought up to date. ``embedded`` leaves ``DATABASE_URL`` alone.

    ``apply`` takes what the file says into use; without, what is in use stays, and ``Installation.differing`` tells of whom it isn't this.
    ``clock`` is the state folder's unless it is given: the machine's, or the demonstration's in its folder.

    Raises:
        Misconfigured: the configuration, the keys or the database can't be used; the text says which and what to do.
    """
    state = state or state_folder()
    clock = clock or demonstration.clock_of(state)
    config = load_config(config_path(path, state))
    with ExitStack() as stack:
        dsn, server_pid = stack.enter_context(database_server(state, embedded=embedded))
        migrate.upgrade(dsn)
        database = stack.enter_context(Database(dsn, role=role, clock=clock, max_size=pool))
        if apply:
            rings, differing = install(database, config, key_folder(state), clock), list[str]()
        else:
            rings, differing = recognise(database, config, key_folder(state), clock)
        organisations = dict(zip((o.code for o in config.organisations), rings, strict=True))
        gateway = Gateway(database=database, clock=clock, keys=rings.__getitem__)
        yield Installation(
            config=config,
            gateway=gateway,
            organisations=organisations,
            dsn=dsn,
            server_pid=server_pid,
            state=state,
            differing=tuple(differing),
        )
