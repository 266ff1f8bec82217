"""The data types of HL7 v2 that hold what somebody wrote: TX, FT and ST, and ED, which holds a whole document."""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import binascii
from typing import Any, Final

from gateway import er7
from gateway.mapping.convert import ConvertContext, Unmappable, converter
from gateway.mapping.converters import clean
from gateway.mapping.datatypes import NULL, parts, plain


@converter("lines", to=("string", "markdown"), private=True, raw=True)
def lines(value: Any, context: ConvertContext) -> str | None:
    """Read the text of a TX, FT or ST field: its repetitions, one a line in their order, with escapes resolved and line breaks kept."""
    some = value if type(value) is list else value.split("~")
    read = [er7.unescape(one) if "\\" in one else one for one in some if one != NULL]
    return clean("\n".join(read)) if read else None


@converter("ST", to=("string", "markdown"), private=True, alone=True, raw=True)
def st(value: str, context: ConvertContext) -> str | None:
    """Read a text with its escapes resolved. A separator that its sender forgot to escape is part of the text."""
    return plain(value) or None


ENCODED: Final = {
    "application": "application",
    "text": "text",
    "image": "image",
    "audio": "audio",
    "video": "video",
    "ap": "application",
}


@converter("ED", to="Attachment", private=True, sources={"data": "5", "contentType": "2", "contentType[1]": "3"})
def ed(value: str, context: ConvertContext) -> dict[str, str]:
    """Read encapsulated data in base64: its media type and its bytes, checked and not opened.

    Raises:
        Unmappable: not in base64, or no media type can be made of components 2 and 3.
    """
    found = parts(value, 5)
    data = plain(found[4]).replace(" ", "").replace("\n", "")
    if not data:
        raise Unmappable("there is no content in the fifth component")
    if plain(found[3]).lower() not in ("base64", ""):
        raise Unmappable("the content isn't in base64")
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error:
        raise Unmappable("the content isn't in base64") from None
    return {"contentType": _media_type(plain(found[1]).lower(), plain(found[2]).lower()), "data": data}


def _media_type(main: str, sub: str) -> str:
    if "/" in sub:
        return sub
    if "/" in main:
        return main
    if main not in ENCODED or not sub:
        main, sub = ENCODED.get(main, "application"), sub or "octet-stream"
    return f"{ENCODED[main]}/{sub.removeprefix('x-hl7-')}"
