"""``zorgsluis quarantine``: the messages that were set aside, and what can be done about each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import deletions
from api.cli.messages import Limit, Message, Source
from api.cli.shared import EXIT_ASIDE, Json, line, opened, table

if TYPE_CHECKING:
    from gateway.mapping.engine import MappingSet
    from gateway.quarantine import Fate, Shown, Trial
    from gateway.runtime import Gateway

app = typer.Typer(help="Messages that were set aside.", no_args_is_help=True)
app.add_typer(deletions.app, name="deletions")

By = Annotated[str, typer.Option(help="Who does it, for the trail.", metavar="WHO")]
Reason = Annotated[str | None, typer.Option(help="Only those set aside for this reason.", metavar="REASON")]


@app.command(name="list")
def list_held(
    context: typer.Context, source: Source = None, reason: Reason = None, limit: Limit = 100, json: Json = False
) -> None:
    """List what is in quarantine, the oldest first, with the first thing that was found in each. Values are masked."""
    from gateway.quarantine import held

    with opened(context) as (installation, org):
        found = held(installation.gateway, org, source=source, reason=reason, limit=limit)
    if json:
        for one in found:
            line(one)
        return
    rows: list[list[object]] = [
        [
            one.id,
            one.source,
            one.kind,
            f"{one.received_at:%Y-%m-%d %H:%M}Z",
            one.reason,
            one.row or "-",
            one.path or "-",
            one.masked or "-",
            one.why or "-",
        ]
        for one in found
    ]
    table(["id", "source", "kind", "received", "reason", "row", "path", "value", "why"], rows)


@app.command()
def show(
    context: typer.Context,
    message: Message,
    clear: Annotated[bool, typer.Option("--clear", help="Also print the message itself. That you read it is audited.")] = False,
    by: By = "operator",
    json: Json = False,
) -> None:
    """Show everything that was found in a message, values masked, and for HL7 v2 where it deviates from the standard."""
    from gateway.quarantine import show as look

    with opened(context) as (installation, org):
        found = look(installation.gateway, org, message, clear=clear, by=by)
    if json:
        line(_for_programs(found))
    else:
        _print(found)


def _for_programs(found: Shown) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(found), "body": None if found.body is None else found.body.decode(errors="replace")}


def _print(found: Shown) -> None:
    reason = f" ({found.reason})" if found.reason else ""
    typer.echo(f"message {found.id} of {found.source}, {found.kind}, received {found.received_at:%Y-%m-%d %H:%M:%S}Z")
    typer.echo(f"{found.state}{reason}")
    if found.replaces:
        typer.echo(f"in the place of message {found.replaces}")
    if found.replaced_by:
        typer.echo(f"replaced by message {found.replaced_by}")
    if found.issues:
        typer.echo("\nfound by the mapping:")
        cells = [[i.severity, i.code, i.row or "-", i.source_path or "-", i.masked or "-", i.reason] for i in found.issues]
        table(["severity", "code", "row", "path", "value", "why"], [list[object](row) for row in cells])
    if found.conformance:
        typer.echo("\ndeviates from the standard:")
        places = [[f.severity, f.code, f.location or "-", f.text] for f in found.conformance]
        table(["severity", "code", "place", "what"], places)
    if found.body is not None:
        typer.echo("\nthe message:")
        typer.echo(found.body.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n"))


@app.command()
def retry(
    context: typer.Context,
    messages: Annotated[list[int], typer.Argument(help="Numbers of messages.", metavar="ID…")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come out; nothing is stored.")] = False,
    version: Annotated[str, typer.Option(help="With --dry-run: by this version of the maps.", metavar="VERSION")] = "active",
    by: By = "operator",
    json: Json = False,
) -> None:
    """Map messages again with the active version, now; what comes out well leaves quarantine."""
    from gateway.quarantine import release, trials
    from gateway.translate import map_batch

    with opened(context) as (installation, org):
        gateway = installation.gateway
        if dry_run:
            found = trials(gateway, org, messages, _maps(gateway, org, version, messages))
            _say_trials(found, json)
            raise typer.Exit(EXIT_ASIDE if any(one.outcome == "quarantined" for one in found) else 0)
        if version != "active":
            raise typer.BadParameter("messages are mapped with the active version; activate it first", param_hint="--version")
        fates = release(gateway, org, messages, by=by)
        for source_id in _sources(gateway, org, messages):
            while map_batch(gateway, org, source_id):
                pass
        after = _states(gateway, org, fates)
    _say_fates(after, json)
    raise typer.Exit(EXIT_ASIDE if any(one.state == "quarantined" for one in after) else 0)


def _sources(gateway: Gateway, org: int, messages: Sequence[int]) -> list[int]:
    query = "select distinct source_id from journal where id = any(%s)"
    with gateway.database.transaction(org) as db:
        return [row.source_id for row in db.execute(query, (list(messages),))]


def _states(gateway: Gateway, org: int, fates: Sequence[Fate]) -> list[Fate]:
    from dataclasses import replace

    query = "select id, state from journal where id = any(%s)"
    with gateway.database.transaction(org) as db:
        now = {row.id: row.state for row in db.execute(query, ([fate.id for fate in fates],))}
    return [replace(fate, state=now[fate.id]) for fate in fates]


def _maps(gateway: Gateway, org: int, ref: str, messages: Sequence[int]) -> MappingSet | None:
    """Return the version named; ``None`` for the active one of each message's own source."""
    from gateway.mapping.versions import compile_files
    from gateway.mapping.workbench import Work

    if ref == "active":
        return None
    query = "select distinct source.code from journal join source on source.id = source_id where journal.id = any(%s)"
    with gateway.database.transaction(org) as db:
        codes = [row.code for row in db.execute(query, (list(messages),))]
    if len(codes) > 1:
        raise typer.BadParameter(f"these messages are of several sources ({', '.join(sorted(codes))})", param_hint="--version")
    return compile_files(Work(gateway=gateway, org=org, source=codes[0]).find(ref)[1]) if codes else None


def _say_trials(found: Sequence[Trial], json: bool) -> None:
    for one in found:
        if json:
            line(one)
            continue
        made = ", ".join(f"{count} {type_}" for type_, count in sorted(one.resources.items())) or "nothing"
        reason = f" ({one.reason})" if one.reason else ""
        typer.echo(f"message {one.id}: {one.outcome}{reason} by {one.version}: {made}; {len(one.issues)} issues")
        for issue in one.issues:
            said = " ".join(filter(None, [issue.severity, issue.code, issue.row, issue.source_path, issue.masked]))
            typer.echo(f"  {said}: {issue.reason}")


@app.command()
def release(
    context: typer.Context,
    messages: Annotated[list[int] | None, typer.Argument(help="Numbers of messages.", metavar="ID…", show_default=False)] = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were set aside for this reason.")] = False,
    source: Source = None,
    by: By = "operator",
    json: Json = False,
) -> None:
    """Let messages wait again; the flow maps them with the active version."""
    from gateway.quarantine import chosen
    from gateway.quarantine import release as let_go

    if bool(messages) == (reason is not None and everything):
        raise typer.BadParameter("name messages, or give --reason REASON --all")
    with opened(context) as (installation, org):
        ids = messages or chosen(installation.gateway, org, reason or "", source)
        fates = let_go(installation.gateway, org, ids, by=by)
    _say_fates(fates, json, " (not in quarantine)")


@app.command()
def replace(
    context: typer.Context,
    message: Message,
    file: Annotated[
        Path, typer.Argument(help="The corrected message.", metavar="FILE", exists=True, dir_okay=False, readable=True)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come out; nothing is stored.")] = False,
    by: By = "operator",
    json: Json = False,
) -> None:
    """Journal a corrected message in the place of one in quarantine, which is kept beside it, set aside as replaced."""
    from gateway.quarantine import replace as put_right
    from gateway.quarantine import trial_of

    with opened(context) as (installation, org):
        if dry_run:
            _say_trials([trial_of(installation.gateway, org, message, file.read_bytes())], json)
            return
        fate = put_right(installation.gateway, org, message, file.read_bytes(), by=by)
    if json:
        line({"id": message, "replacement": fate.id, "done": fate.done})
    else:
        typer.echo(f"message {message} {'is' if fate.done else 'was'} replaced by message {fate.id}")


def _say_fates(fates: Iterable[Fate], json: bool, otherwise: str = "") -> None:
    for fate in fates:
        if json:
            line(fate)
        else:
            typer.echo(f"message {fate.id}: {fate.state}{'' if fate.done else otherwise}")
