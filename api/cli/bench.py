"""``zorgsluis bench``: how fast, measured against baselines in the same run; prints JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import Options, line

app = typer.Typer(help="Benchmarks; each prints one JSON object.", no_args_is_help=True)


@app.callback()
def options() -> None:
    """Keep ``bench`` a group: each benchmark has its name."""


@app.command()
def pipeline(
    context: typer.Context,
    clients: Annotated[int, typer.Option(min=2, max=20000)] = 2000,
    days: Annotated[int, typer.Option(min=7, max=730)] = 60,
    seed: Annotated[int, typer.Option()] = 7,
) -> None:
    """Measure the main job end to end and per stage, then again with one record in a hundred changed."""
    from api.bench.pipeline import pipeline as run
    from gateway.state import state_folder

    options: Options = context.obj
    figures = run(clients, days, seed, (options.state or state_folder()) / "bench")
    line(figures)
    if not figures["balanced"]:
        raise typer.Exit(4)


@app.command()
def mapping(
    context: typer.Context,
    count: Annotated[int, typer.Option(min=100, max=100000, help="Distinct messages of each kind.")] = 3000,
    seed: Annotated[int, typer.Option()] = 7,
    baselines: Annotated[bool, typer.Option(help="Run the other engines on the same messages.")] = True,
) -> None:
    """Measure HL7 v2 messages from bytes to FHIR JSON by kind, beside other engines ('make bench-mapping' installs them)."""
    from api.bench.mapping import mapping as run
    from gateway.state import state_folder

    options: Options = context.obj
    line(run(count, seed, (options.state or state_folder()) / "bench" / "linuxforhealth", baselines=baselines))


@app.command()
def intake(
    context: typer.Context,
    count: Annotated[
        int, typer.Option(min=100, max=1000000, help="Messages over the many connections; a tenth over one.")
    ] = 20000,
    connections: Annotated[int, typer.Option(min=2, max=200)] = 16,
    sampled: Annotated[
        int, typer.Option(min=1, max=100000, help="Acknowledgements for which the journal is asked at once.")
    ] = 1000,
    maps: Annotated[str, typer.Option(help="Maps of the source.", hidden=True)] = "hl7v2",
) -> None:
    """Measure durable intake of HL7 v2 by MLLP: the real server, real sockets, the acknowledgement after the commit."""
    from api.bench.intake import intake as run
    from gateway.state import PASSABLE, own_folder, state_folder

    options: Options = context.obj
    folder = (options.state or state_folder()) / "bench" / "intake"
    own_folder(folder, PASSABLE)
    figures = run(count, connections, sampled, folder, maps)
    line(figures)
    seen = figures["sampled_acks"]
    if seen["found_in_the_journal"] != seen["acks"]:
        raise typer.Exit(4)


@app.command()
def disclosure(
    context: typer.Context,
    clients: Annotated[
        int, typer.Option(min=10, max=50000, help="Clients in memory, of 100 resources and 3 members each.")
    ] = 20000,
    seed: Annotated[int, typer.Option()] = 7,
) -> None:
    """Measure deciding who sees what: pair by pair, everybody at once, one client through SQL, and an explanation."""
    from api.bench.disclosure import disclosure as run
    from gateway.state import PASSABLE, own_folder, state_folder

    options: Options = context.obj
    folder = (options.state or state_folder()) / "bench" / "disclosure"
    own_folder(folder, PASSABLE)
    line(run(clients, seed, folder))
