"""Documents: their number, their text, and their content in base64."""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import Any, Final

from gateway import er7
from gateway.canonical import BASE
from gateway.mapping import ConvertContext, Converted, Note, Unmappable, converter
from gateway.mapping.converters import clean
from gateway.mapping.datatypes import ei, in_path
from gateway.mapping.er7fields import NULL, fld, plain
from gateway.mapping.er7tree import Node, Tree
from mappings.hl7v2.results import name_of, remarks, text

TEXTS: Final = frozenset({"TX", "FT", "ST", ""})
CODED: Final = frozenset({"CWE", "CE", "CNE", "CF", "IS"})
FILES: Final = frozenset({"ED", "RP"})
# Tables 0191 and 0291 (kind and subtype of data) to media types, by subtype; others are made of both.
MEDIA: Final = {
    "pdf": "application/pdf",
    "rtf": "application/rtf",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "html": "text/html",
    "htm": "text/html",
    "xml": "text/xml",
    "x-hl7-cda-level-one": "text/xml",
    "plain": "text/plain",
    "text": "text/plain",
    "dicom": "application/dicom",
    "basic": "audio/basic",
    "octet-stream": "application/octet-stream",
}
KINDS: Final = {
    "ap": "application",
    "au": "audio",
    "im": "image",
    "ns": "image",
    "sd": "image",
    "si": "image",
    "ft": "text",
    "tx": "text",
}
UNREADABLE: Final = Note("value-invalid", "the content can't be read as its encoding says", "document kept without content")


def _number(given: str) -> str:
    """Return an entity identifier (EI) as one text, empty without a number."""
    return "^".join(plain(part) for part in [*given.split("^"), "", ""][:3]) if plain(given) else ""


def _key(fields: list[str], tree: Tree) -> str:
    """Return the number of a document: its own, else that of its order, its file or its message."""
    order = next(iter(tree.nodes.get("OBR", ())), None)
    given = _number(fld(fields, 12)) or (_number(fld(order.f, 3)) if order is not None else "")
    name = plain(fld(fields, 16))
    return given or (f"file {name}" if name else f"message {text(tree.top, 10)}")


USUAL: Final = frozenset({"", "U", "N"})


@converter("restricted", raw=True)
def restricted(value: str, context: ConvertContext) -> bool:
    """Read one confidentiality status (TXA-18, table 0272) and answer whether it keeps a document inside: any but the usual one does,
    also one that the table doesn't know."""
    code, _, more = value.partition("^")
    code = plain(code).strip().upper()
    return code not in USUAL or (not code and bool(more.strip("^")))


@converter("document_key", to="string", raw=True)
def document_key(fields: list[str], context: ConvertContext) -> str | None:
    """Return the key of a document within its client: TXA-12 with the application that gave it, so that an edit replaces it."""
    return _key(fields, context.record)


@converter("parent_document_key", to="string", raw=True)
def parent_document_key(fields: list[str], context: ConvertContext) -> str | None:
    """Return the key of the document that TXA-13 names, ``None`` when it names none or the document itself."""
    parent = _number(fld(fields, 13))
    return parent if parent and parent != _key(fields, context.record) else None


@converter("document_number", to="Identifier", raw=True, sources={"": "12"})
def document_number(fields: list[str], context: ConvertContext) -> Any:
    """Return the number of a document as an Identifier, also of one that stands in for TXA-12."""
    return ei(fld(fields, 12), context) or _within("document", _key(fields, context.record), context)


@converter("document_file", to="Identifier", raw=True)
def document_file(value: str, context: ConvertContext) -> Any:
    """Return the unique name of a document's file (TXA-16) as an Identifier within the source."""
    name = plain(value)
    return _within("document-file", name, context) if name else None


def _within(kind: str, value: str, context: ConvertContext) -> dict[str, str]:
    return {"system": f"{BASE}/sid/{in_path(context.system)}/{kind}", "value": value}


def _below(context: ConvertContext) -> list[Node]:
    item: Node = context.item
    return list(item.below("OBX"))


@converter("report_text", to=("string", "markdown"), raw=True, private=True)
def report_text(fields: list[str], context: ConvertContext) -> str | None:
    """Return the text of a report: the lines of its OBX in their order, with what isn't text as people would write it down."""
    lines = [_line(node, kind) for node in _below(context) if (kind := text(node, 2)) not in FILES]
    return clean("\n".join(lines))


def _line(node: Node, kind: str) -> str:
    value = node.f[5] if len(node.f) > 5 else ""
    if kind in TEXTS:
        if "~" not in value:
            return "" if value == NULL else er7.unescape(value)
        return "\n".join("" if one == NULL else er7.unescape(one) for one in value.split("~"))
    said = [_said(one, coded=kind in CODED) for one in value.split("~")]
    unit = fld(node.f, 6)
    return _labelled(name_of(fld(node.f, 3)), " ".join(part for part in (", ".join(said), name_of(unit)) if part))


def _said(value: str, *, coded: bool) -> str:
    return name_of(value) if coded else " ".join(found for part in value.split("^") if (found := plain(part)))


def _labelled(name: str, value: str) -> str:
    return f"{name}: {value}" if name else value


@converter("report_note", to=("string", "markdown"), raw=True, private=True)
def report_note(fields: list[str], context: ConvertContext) -> str | None:
    """Return what was remarked about a report: the NTE under its OBX."""
    if "NTE" not in context.record.nodes:
        return None
    return remarks(node for node in _below(context) if text(node, 2) not in FILES)


@converter("document_content", to="BackboneElement", raw=True, private=True)
def document_content(fields: list[str], context: ConvertContext) -> Any:
    """Return the content of a document: an attachment for each OBX of type ED or RP, of the segment itself or below it.

    What can't be read leaves its title and an issue. Without any content there is what is known of it: its name and kind (TXA-16, TXA-3).
    """
    notes: list[Note] = []
    node: Node = context.item
    some = [node] if node.name == "OBX" else [one for one in _below(context) if text(one, 2) in FILES]
    found = [{"attachment": one} for part in some for one in _attachments(part, notes)]
    if not found:
        found = [{"attachment": _announced(node)}]
    return Converted(found, tuple(notes)) if notes else found


def _attachments(node: Node, notes: list[Note]) -> Iterator[dict[str, Any]]:
    title = name_of(fld(node.f, 3))
    for value in node.f[5].split("~") if len(node.f) > 5 else ():
        if not value or value == NULL:
            continue
        try:
            made = _pointer(value) if node.f[2] == "RP" else _encapsulated(value)
        except (Unmappable, ValueError):
            notes.append(UNREADABLE)
            made = {"contentType": _kind(value, 1), "title": "Niet leesbaar"}
        if title:
            made["title"] = title
        yield made


def _kind(value: str, at: int) -> str:
    """Return the media type that an ED (at its second component) or RP (at its third) says it has."""
    parts = [*value.split("^"), "", "", "", ""]
    return media_type(plain(parts[at]).lower(), plain(parts[at + 1]).lower())


def _encapsulated(value: str) -> dict[str, Any]:
    """Return an ED: media type, bytes, and the size and hash by which they can be checked."""
    parts = [*value.split("^"), "", "", "", ""][:5]
    data = _decoded(parts[4], plain(parts[3]).lower())
    if not data:
        raise Unmappable("there is no content in the fifth component")
    digest = base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
    return {"contentType": _kind(value, 1), "data": base64.b64encode(data).decode(), "size": len(data), "hash": digest}


def _decoded(data: str, encoding: str) -> bytes:
    if encoding == "a":
        return er7.unescape(data).encode()
    if encoding == "hex":
        return bytes.fromhex(data)
    if encoding not in ("base64", ""):
        raise Unmappable("an encoding that is none of table 0299")
    plain_data = er7.unescape(data) if "\\" in data else data
    return binascii.a2b_base64("".join(plain_data.split()), strict_mode=True)


def _pointer(value: str) -> dict[str, Any]:
    """Return an RP: where the document lies, when that is an address, and its media type."""
    pointer = plain(value.partition("^")[0])
    address = ":" in pointer and not any(sign.isspace() for sign in pointer)
    return {"contentType": _kind(value, 2), "url" if address else "title": pointer or "Niet leesbaar"}


def media_type(kind: str, subtype: str) -> str:
    """Return the media type of a kind and subtype of data (tables 0191 and 0291), as Dutch senders write them."""
    for one in (subtype, kind):
        if "/" in one:
            return one
    if subtype in MEDIA:
        return MEDIA[subtype]
    if not subtype:
        return "text/plain" if KINDS.get(kind, kind) == "text" else "application/octet-stream"
    return f"{KINDS.get(kind, kind) or 'application'}/{subtype}"


PRESENTED: Final = {"TX": "text/plain", "TEXT": "text/plain", "FT": "text/plain"}


def _announced(node: Node) -> dict[str, Any]:
    """Return what a notification says of a document that it doesn't hold."""
    txa = node.f if node.name == "TXA" else []
    kind = PRESENTED.get(plain(fld(txa, 3)).upper() if txa else "", "application/octet-stream")
    title = (plain(fld(txa, 16)) or plain(fld(txa, 25))) if txa else ""
    return {"contentType": kind, "title": title or "Inhoud niet meegestuurd"}
