"""Who sends a referral and who is to take it up."""

from __future__ import annotations

from typing import Any

from gateway import er7
from gateway.mapping import ConvertContext, converter
from gateway.mapping.converters import clean
from gateway.mapping.datatypes import NULL, authority, parts, plain
from gateway.mapping.datatypes_identity import field
from gateway.mapping.datatypes_person import human_name

NAME, NUMBER, NOTE = 2, 7, 3
RESULTS = ("OBX", "OBR")


@converter("provider_reference", to="Reference", options=(), raw=True)
def provider_reference(value: list[str], context: ConvertContext) -> dict[str, Any] | None:
    """Read a provider (PRD) and return a reference by number and name: whoever is outside the organisation has no record here.

    The number is PRD-7 (a PLN: number and kind, such as an AGB code at VEKTIS), the name PRD-2, of a person or an organisation.
    """
    number, kind = (plain(one) for one in parts(field(value, NUMBER).partition("~")[0], 2)[:2])
    name = human_name(parts(field(value, NAME).partition("~")[0], 7))
    made: dict[str, Any] = {}
    if number:
        made["identifier"] = {"system": authority(kind or "provider", context), "value": number}
    if name:
        made["display"] = name["text"]
    return made or None


@converter("referral_notes", to=("string", "markdown"), options=(), private=True, raw=True)
def referral_notes(_: list[str], context: ConvertContext) -> str | None:
    """Read the notes of a referral, one a line. They stand at the end, after whatever came last; those under results are the results'."""
    notes = [one for one in context.record.nodes.get("NTE", ()) if one.up is None or one.up.name not in RESULTS]
    said = [text for one in notes for text in field(one.f, NOTE).split("~") if text and text != NULL]
    return clean("\n".join(er7.unescape(text) for text in said)) if said else None
