"""What a map says, as one hash: two maps of one hash make the same of every record, whichever versions they are in."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from gateway.jsonbytes import canonical
from gateway.mapping.rows import MapMade, Workshop
from gateway.mapping.tables import CodeTable

# What the maps say of themselves, and the names of files that are taken in as what stands in them.
APART: Final = frozenset({"map", "version", "codes", "units"})
UNITS: Final = "units.csv"


def content(made: MapMade, shop: Workshop) -> bytes:
    """Return the SHA-256 over a map with all that its rows read: tables, units, namespaces, options. Converters are those that are installed.

    Where something stands is left out: lines move, and nothing else comes of it.
    """
    text, tables = made.text, shop.tables[made.text.name]
    names = {str(row.get("codes")) for row in text.rows if row.get("codes")}
    units = shop.units.get(text.key("units") or UNITS)
    said = {
        "head": [text.name, text.kind, text.selector, text.type, text.at, repr(shop.dialect)],
        "keys": {name: key.value for name, key in text.keys.items() if name not in APART},
        "rows": [[row.label, row.content] for row in text.rows],
        "tables": {name: _table(tables[name]) for name in names},
        "units": None if units is None else units.units,
    }
    return hashlib.sha256(canonical(said)).digest()


def _table(table: CodeTable) -> list[Any]:
    return [[*source, [target.coding() for target in some]] for source, some in table.targets.items()]
