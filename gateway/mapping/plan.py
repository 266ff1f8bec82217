"""A map between text and Python: its head read, and its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.mapping import expressions, r4, template
from gateway.mapping.dialect import PathError
from gateway.mapping.findings import Finding
from gateway.mapping.language import Key, MapText
from gateway.mapping.rows import MapMade, RowMade, RowReader, Workshop, zone_named

NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"


@dataclass(slots=True)
class MapReader:
    """Reads one map; what is wrong goes to ``findings``."""

    text: MapText
    shop: Workshop
    findings: list[Finding]

    def read(self) -> MapMade | None:
        """Return the map, or ``None`` when not even its head can be read."""
        text, dialect = self.text, self.shop.dialect
        if not r4.is_resource(text.type):
            self.findings.append(text.fault(f"{text.type} is not a resource type of R4 in reach of this product"))
            return None
        before = len(self.findings)
        foreach = self._try("foreach", dialect.path, text.key("foreach"))
        depth = len(self._try("foreach", lambda path: path.levels(), foreach) or []) if foreach else 0
        selector = self._try("map", lambda value: expressions.parse(value, dialect), text.selector)
        self._try("map", lambda value: expressions.emit(value, 0, expressions.bare), selector)
        if foreach is not None and foreach.asks() is not None:
            self._try("foreach", lambda value: expressions.emit(value.asks(), depth, expressions.bare), foreach)
        self._known("map", selector)
        self._known("foreach", foreach.asks() if foreach is not None else None)
        key = self._try("key", lambda value: template.parse_key(value, dialect), text.key("key"))
        for hole in (hole for part in key or [] for hole in part.holes if hole.converter):
            if hole.converter not in self.shop.converters:
                self.findings.append(text.fault(f"there is no converter {hole.converter!r}", "key"))
        class_ = self._try("class", lambda value: template.parse(value, dialect), text.key("class"))
        for name, parts in (("key", key or []), ("class", [class_] if class_ else [])):
            for path in (path for part in parts for path in part.paths):
                self._try(name, lambda value: value.emit(depth), path)
        if dialect.charset is not None and (text.key("charset") or dialect.charset).lower() != dialect.charset:
            self.findings.append(text.fault(f"{dialect.name} is always {dialect.charset}", "charset"))
        zone = self._zone(text.keys.get("zone"))
        if len(self.findings) > before or key is None or class_ is None:
            return None
        profile = text.key("profile")
        profiles = [] if profile is None else profile if isinstance(profile, list) else [profile]
        made = MapMade(
            text=text,
            selector=selector,
            key=key,
            class_=class_,
            profiles=[NICTIZ + one if one.startswith("nl-core-") else one for one in profiles],
            foreach=foreach,
            depth=depth,
            zone=zone,
        )
        made.rows = [one for row in text.rows if (one := RowReader(row, made, self.shop, self.findings).read())]
        _defaults(made.rows)
        _shared(made.rows)
        return made

    def _known(self, key: str, expression: expressions.Expression | None) -> None:
        for name in expressions.converters(expression):
            if name not in self.shop.converters:
                self.findings.append(self.text.fault(f"there is no converter {name!r}", key))

    def _try(self, key: str, read: Any, value: Any) -> Any:
        if value is None:
            return None
        try:
            return read(value)
        except PathError as error:
            self.findings.append(self.text.fault(str(error), key))
            return None

    def _zone(self, key: Key | None) -> ZoneInfo | None:
        if key is None:
            return None
        zone = zone_named(key.value)
        if zone is None:
            self.findings.append(key.fault(f"{key.value} is not a time zone"))
        return zone


def _defaults(rows: list[RowMade]) -> None:
    """Mark the constants that only stand where earlier rows for the same element left nothing."""
    seen: set[tuple[str, ...]] = set()
    for one in rows:
        if one.plan is not None and not one.multiple:
            if one.plan.origin == "constant" and one.group in seen:
                one.plan.origin = "default"
            seen.add(one.group)


def _shared(rows: list[RowMade]) -> None:
    """Mark the rows whose value other rows add to."""
    groups = {one.group for one in rows if one.target is not None}
    for one in rows:
        if one.plan is not None and one.target is not None:
            one.plan.shared = any(len(group) > len(one.group) and group[: len(one.group)] == one.group for group in groups)
