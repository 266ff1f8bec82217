"""``zorgsluis mapping``: the maps of a source and their versions, for the analyst who looks after them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.shared import EXIT_ASIDE, Json, line, opened, table

if TYPE_CHECKING:
    from gateway.mapping.workbench import Work

app = typer.Typer(help="The maps of a source and their versions.", no_args_is_help=True)

SourceOption = Annotated[str, typer.Option(help="The source's code.", metavar="CODE", show_default=False)]
Files = Annotated[
    list[Path],
    typer.Argument(
        help="Overlay (.yaml), tables (.csv), golden pairs (.source and .expected.json), or a folder of them.",
        metavar="FILE…",
        exists=True,
        readable=True,
    ),
]
By = Annotated[str, typer.Option(help="Who does it, for the trail.", metavar="WHO")]
Ref = Annotated[str, typer.Argument(help="A version: label, beginning of its hash, active, draft or shipped.", metavar="VERSION")]
Last = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many of the newest messages of the source.")]
# Far above any overlay; whoever names a wrong folder hears so at once.
MOST_FILES, MOST_BYTES = 1000, 32 * 1024 * 1024


@contextmanager
def work(context: typer.Context, source: str, by: str = "operator") -> Iterator[Work]:
    """Yield the maps of a source."""
    from gateway.mapping.workbench import Work

    with opened(context) as (installation, org):
        yield Work(gateway=installation.gateway, org=org, source=source, by=by)


@app.command(name="list")
def list_versions(context: typer.Context, source: SourceOption, json: Json = False) -> None:
    """List the versions of a source's maps, the newest first."""
    with work(context, source) as maps:
        found = maps.versions()
    lines: list[dict[str, Any]] = [
        {
            "version": one.short,
            "state": one.state,
            "label": one.label,
            "kind": "shipped" if one.base_sha is None else "own",
            "base": (one.base_sha or one.sha256).hex()[:12],
            "added": one.added_at,
            "activated": one.activated_at,
        }
        for one in found
    ]
    if json:
        for one_line in lines:
            line(one_line)
        return
    headers = ["version", "state", "kind", "base", "added", "activated", "label"]
    table(headers, [[_shown(one[name]) for name in headers] for one in lines])


def _shown(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M}Z" if hasattr(value, "strftime") else value or "-"


@app.command()
def add(
    context: typer.Context,
    files: Files,
    source: SourceOption,
    label: Annotated[str | None, typer.Option(help="A name for this version.", metavar="TEXT", show_default=False)] = None,
    by: By = "operator",
) -> None:
    """Lay a version ready: what ships, with these files on top. Nothing maps with it until it is activated."""
    with work(context, source, by) as maps, faults_listed("nothing was stored"):
        made = maps.add(read(files), label)
    typer.echo(f"{made.short}  {made.state}  {made.label}")
    if made.state == "draft":
        typer.echo(f"next: zorgsluis mapping diff active {made.short} --source {source}")


@app.command()
def check(
    context: typer.Context,
    files: Files,
    source: SourceOption,
    update: Annotated[
        bool, typer.Option("--update", help="Write each golden pair's .expected.json anew, from what comes out now.")
    ] = False,
) -> None:
    """Check files as an activation would: static faults, golden pairs, and a pair for every row. Nothing is stored."""
    with work(context, source) as maps, faults_listed("not ready"):
        given = read(files)
        if update:
            for path, expected in maps.expected(given).items():
                written = _write_expected(path, expected)
                given[str(written)] = expected
        findings = maps.check(given)
        if findings:
            from gateway.mapping.findings import MappingError

            raise MappingError(findings)
    typer.echo("ready to be added and activated")


def _write_expected(path: str, expected: bytes) -> Path:
    from gateway.mapping.overlay import EXPECTED, SOURCE

    source = Path(path)
    written = source.with_name(source.name[: source.name.rindex(SOURCE)] + EXPECTED)
    state = "unchanged" if written.exists() and written.read_bytes() == expected else "written"
    written.write_bytes(expected)
    typer.echo(f"{written}: {state}; read it before you rely on it" if state == "written" else f"{written}: {state}")
    return written


@app.command()
def show(
    context: typer.Context,
    source: SourceOption,
    name: Annotated[str | None, typer.Argument(help="The map; without it they are listed.", metavar="MAP")] = None,
    version: Annotated[str, typer.Option(help="Which version.", metavar="VERSION")] = "active",
    json: Json = False,
) -> None:
    """Print the Python that a map is compiled to, or list the maps of a version."""
    from gateway.mapping.versions import compile_files

    with work(context, source) as maps:
        _, files = maps.find(version)
    compiled = compile_files(files)
    if name is None:
        _list_maps(compiled, json)
        return
    plan = next((plan for plan in compiled.plans if plan.name == name), None)
    if plan is None:
        known = ", ".join(sorted(plan.name for plan in compiled.plans))
        raise typer.BadParameter(f"there is no map {name!r}; there are: {known}", param_hint="MAP")
    if json:
        line({"map": plan.name, "kind": plan.kind, "type": plan.type, "python": plan.source})
    else:
        typer.echo(plan.source.rstrip())


def _list_maps(compiled: Any, json: bool) -> None:
    if json:
        for plan in compiled.plans:
            line({"map": plan.name, "kind": plan.kind, "type": plan.type, "write": plan.write})
        return
    table(["map", "kind", "type", "write"], [[plan.name, plan.kind, plan.type, plan.write] for plan in compiled.plans])


@app.command()
def diff(
    context: typer.Context,
    source: SourceOption,
    old: Annotated[str, typer.Argument(help="A version: label, beginning of its hash, active, draft or shipped.")] = "active",
    new: Annotated[str, typer.Argument(help="The version to compare it with.")] = "draft",
    last: Last = 10_000,
    json: Json = False,
) -> None:
    """Compare what two versions make of the newest messages, by meaning. Values are masked; nothing is stored."""
    with work(context, source) as maps, faults_listed("not compared"):
        found = maps.diff(old, new, last)
    differences = found.differences()
    if json:
        line({"messages": found.messages, "differing": found.differing})
        for difference in differences:
            line(difference)
        return
    typer.echo(f"{found.messages} messages, {found.differing} come out differently")
    for one in differences:
        typer.echo(f"\n{one.kind:<8} {' '.join(filter(None, [one.type, one.path]))}: {one.count} in {one.messages} messages")
        for example in one.examples:
            change = f"{example.old or '-'} -> {example.new or '-'}" if example.old or example.new else ""
            typer.echo("  " + "  ".join(filter(None, [f"message {example.journal_id}", change, example.row])))


@app.command()
def coverage(
    context: typer.Context,
    source: SourceOption,
    version: Annotated[str, typer.Option(help="Which version.", metavar="VERSION")] = "active",
    last: Last = 10_000,
    json: Json = False,
) -> None:
    """List what the newest messages hold and no map reads, with counts, and the rows that wrote nothing."""
    with work(context, source) as maps, faults_listed("not looked at"):
        survey = maps.coverage(version, last)
    unread, idle = survey.unread(), survey.idle()
    if json:
        line({"messages": survey.kinds.total(), "unreadable": survey.unreadable, "unused": survey.unused()})
        for one in (*unread, *idle):
            line(one)
        return
    typer.echo(f"{survey.kinds.total()} messages, {survey.unreadable} unreadable")
    if unread:
        typer.echo("\nreceived, and read by no map:")
        table(["kind", "path", "messages", "of", "code"], [[u.kind, u.path, u.messages, u.of, u.code] for u in unread])
    if idle:
        typer.echo("\nrows that wrote nothing:")
        table(["row", "file", "maps"], [[i.row, f"{i.file}:{i.line}", ", ".join(i.maps)] for i in idle])
    if survey.unused():
        typer.echo(f"\nmaps that made nothing: {', '.join(survey.unused())}")


@app.command()
def activate(context: typer.Context, version: Ref, source: SourceOption, by: By = "operator") -> None:
    """Map with this version from the next batch on, in every process; refused while a check, a golden pair or coverage fails."""
    with work(context, source, by) as maps, faults_listed("not activated; what was active stays"):
        before, now = maps.activate(version)
    if before is not None and before.sha256 == now.sha256:
        typer.echo(f"{now.short}  {now.label} was active already")
        return
    typer.echo(f"{now.short}  {now.label} is active" + (f"; before it {before.short}  {before.label}" if before else ""))


@contextmanager
def faults_listed(said: str) -> Iterator[None]:
    """List the faults of a mapping on standard error, one a line with file and line, and leave with exit code 1."""
    from gateway.mapping.findings import MappingError

    try:
        yield
    except MappingError as error:
        for finding in error.findings:
            typer.echo(str(finding), err=True)
        typer.echo(f"{len(error.findings)} faults: {said}", err=True)
        raise typer.Exit(EXIT_ASIDE) from None


def read(paths: list[Path]) -> dict[str, bytes]:
    """Return the bytes of files, and of the files in folders, by their names as typed.

    Raises:
        typer.BadParameter: there are too many, or they are too large, to be an overlay.
    """
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [file for file in files if file.is_file() and not file.name.startswith(".")]
    if not files or len(files) > MOST_FILES or sum(file.stat().st_size for file in files) > MOST_BYTES:
        raise typer.BadParameter(f"{len(files)} files are no overlay (at most {MOST_FILES}, {MOST_BYTES >> 20} MB)")
    return {str(file): file.read_bytes() for file in files}
