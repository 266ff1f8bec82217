"""``zorgsluis db``: the schema of the database."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import Options

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to this version's schema, from empty or from any earlier version."""
    from api.opening import database_server
    from gateway import migrate
    from gateway.state import state_folder

    options: Options = context.obj
    with database_server(options.state or state_folder()) as (dsn, _):
        before = migrate.revision(dsn)
        migrate.upgrade(dsn)
        after = migrate.revision(dsn)
    typer.echo(f"schema {after} (nothing to do)" if before == after else f"schema {before or 'empty'} -> {after}")


@app.command()
def status(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="JSON lines, for programs.")] = False,
) -> None:
    """Print the schema's version, whether this version of the program knows newer ones, and the server's."""
    from api.cli.shared import line
    from api.opening import database_server
    from gateway import migrate
    from gateway.state import state_folder

    options: Options = context.obj
    with database_server(options.state or state_folder()) as (dsn, _):
        found = {"schema": migrate.revision(dsn), "newest": migrate.newest(), "server": migrate.server_version(dsn)}
    if json:
        line(found)
        return
    state = "up to date" if found["schema"] == found["newest"] else "run: zorgsluis db upgrade"
    typer.echo(f"schema {found['schema'] or 'empty'}, newest {found['newest']}: {state}; PostgreSQL {found['server']}")
