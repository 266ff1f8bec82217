"""The number that a record has at its source, as an Identifier that no other source can give."""

from __future__ import annotations

from typing import Any

from gateway.canonical import BASE
from gateway.mapping import ConvertContext, converter


@converter("record_identifier", to="Identifier", options=("kind",))
def record_identifier(value: Any, context: ConvertContext) -> dict[str, str]:
    """Read the id of a record and return it under ``…/NamingSystem/<record system>/<kind>``.

    The record system is part of the name: two organisations with the same product number their clients alike.
    """
    return _identifier(context, str(context.options["kind"]), str(value))


@converter("soap_line_identifier", to="Identifier", options=())
def soap_line_identifier(line: Any, context: ConvertContext) -> dict[str, str]:
    """Read a line of a SOEP report and return ``<report>-<part>``: lines have no number of their own, and a part occurs once."""
    return _identifier(context, "soap-line", f"{context.record['id']}-{line['soapPart']}")


def _identifier(context: ConvertContext, kind: str, value: str) -> dict[str, str]:
    return {"system": f"{BASE}/NamingSystem/{context.system}/{kind}", "value": value}
