"""``zorgsluis grant representation``: who may act for a client, in what, and until when."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.lookups import looked_at
from api.cli.periods import Since, Until, end, start
from api.cli.rights import By, ClientArgument, PersonArgument, changing_rights, told
from api.cli.shared import Json, line, opened, table

app = typer.Typer(help="Who may act for a client.", no_args_is_help=True)


@app.command()
def add(
    context: typer.Context,
    client: ClientArgument,
    person: PersonArgument,
    kind: Annotated[
        str,
        typer.Argument(
            help="parent-authority, guardian, curator, mentor, written-proxy, family-7465 or administrator-finance.",
            metavar="KIND",
        ),
    ],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="medical, care or finance; may be given more than once. Else as its kind usually has it.", metavar="SCOPE"
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    evidence: Annotated[str | None, typer.Option(help="Where its proof is kept: a number, never a name.", metavar="REF")] = None,
    by: By = "operator",
) -> None:
    """Record a mandate and print its number. It shows nobody anything by itself."""
    from gateway import consent

    with changing_rights(context, client) as (gateway, org):
        number = consent.add_mandate(
            gateway,
            org,
            client=client,
            person=person,
            kind=kind,
            scope=scope,
            valid_from=start(since, "--from"),
            valid_to=end(until, "--until"),
            evidence_ref=evidence,
            by=by,
        )
        typer.echo(f"mandate {number}")


@app.command(name="end")
def end_mandate(
    context: typer.Context,
    client: ClientArgument,
    mandate: Annotated[int, typer.Argument(help="Its number.", metavar="NUMBER")],
    last: Annotated[str | None, typer.Option("--on", help="Its last day, or a moment; else now.", metavar="DAY")] = None,
    by: By = "operator",
) -> None:
    """End a mandate. Each right that was given on it comes on the review list: zorgsluis grant review."""
    from gateway import consent

    with changing_rights(context, client) as (gateway, org):
        told("ended", consent.end_mandate(gateway, org, client=client, mandate=mandate, at=end(last, "--on"), by=by))


@app.command(name="list")
def list_mandates(context: typer.Context, client: ClientArgument, json: Json = False, by: By = "operator") -> None:
    """List a client's mandates, those that ended too."""
    from gateway import consent

    with opened(context) as (installation, org):
        found = consent.mandates(installation.gateway, org, client)
        looked_at(installation.gateway, org, "mandates", client, by)
    if json:
        for one in found:
            line(one)
        return
    rows: list[list[object]] = [
        [
            one.id,
            one.person,
            one.kind,
            " ".join(one.scope),
            one.valid_from.date(),
            one.valid_to or "",
            "yes" if one.live else "no",
        ]
        for one in found
    ]
    table(["number", "person", "kind", "scope", "from", "until", "holds"], rows)
