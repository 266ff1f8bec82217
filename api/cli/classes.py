"""``zorgsluis classes``: the class maps, and what arrived that none of them names."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.shared import Json, line, opened, table

Unmapped = Annotated[
    bool, typer.Option("--unmapped", help="The class keys that arrived and that no class map names: nobody sees these items.")
]


def classes(context: typer.Context, unmapped: Unmapped = False, json: Json = False) -> None:
    """List what the class maps say of each class key, or which keys that arrived they don't name, with how many items and since when (UTC)."""
    from gateway.disclosure.unmapped import mapped_classes, unmapped_classes

    with opened(context) as (installation, org), installation.gateway.database.transaction(org) as db:
        missing = unmapped_classes(db) if unmapped else []
        known = [] if unmapped else mapped_classes(db)
    if json:
        for one in (*missing, *known):
            line(one)
    elif unmapped:
        rows: list[list[object]] = [
            [one.source, one.class_key, one.items, one.clients, f"{one.since:%Y-%m-%d %H:%M}Z"] for one in missing
        ]
        table(["source", "class_key", "items", "clients", "since"], rows)
    else:
        table(
            ["system", "class_key", "class", "audience", "basic", "label"],
            [
                [one.system, one.class_key, one.class_, one.audience or "-", one.basic_projection or "-", one.label or "-"]
                for one in known
            ],
        )
