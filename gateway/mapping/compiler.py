"""From the files of a set to something that runs: read, check everything, write Python, load it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from gateway.mapping import converters as general
from gateway.mapping import people, quantities
from gateway.mapping.alone import item_alone
from gateway.mapping.checks import check_map, check_set, links
from gateway.mapping.content import content
from gateway.mapping.convert import Converter, RowFacts, collect
from gateway.mapping.dialect import Dialect
from gateway.mapping.engine import MappingSet, MapPlan
from gateway.mapping.er7path import Er7Dialect
from gateway.mapping.expressions import constants
from gateway.mapping.findings import Finding, MappingError
from gateway.mapping.generate import compile_map
from gateway.mapping.jsonpath import JsonDialect
from gateway.mapping.language import OVERLAYS, MapText, Reader
from gateway.mapping.memory import Memories
from gateway.mapping.plan import MapReader
from gateway.mapping.routes import Routes
from gateway.mapping.rows import MapMade, Workshop
from gateway.mapping.tables import (
    ClassRow,
    CodeTable,
    UnitTable,
    is_concept_file,
    overlay,
    read_class_map,
    read_concepts,
    read_units,
)
from gateway.mapping.writer import key_label

UNITS: Final = "units.csv"
GENERAL: Mapping[str, Converter] = collect(general, quantities, people)
# The system whose records are messages of HL7 v2; all others speak JSON.
HL7V2: Final = "hl7v2"


@cache
def datatypes() -> Mapping[str, Converter]:
    """Return the converters of the data types of HL7 v2: what they are called for JSON too means the notation of HL7 v2 there."""
    folder = import_module("gateway.mapping").__path__
    names = sorted(module.name for module in iter_modules(folder) if module.name.startswith("datatypes"))
    return {**GENERAL, **collect(*(import_module(f"gateway.mapping.{name}") for name in names))}


def compile_set(files: Mapping[str, bytes], converters: Mapping[str, Converter]) -> MappingSet:
    """Compile a set. ``files`` holds them by name relative to the folder of the set; ``converters`` are the source's own.

    Raises:
        MappingError: with every fault that was found, each with file and line.
    """
    reader = Reader({name: data for name, data in files.items() if name.endswith((".yaml", ".yml"))})
    texts = reader.maps()
    findings = reader.findings
    findings += [Finding(name, 1, "a converter of this name exists already") for name in converters.keys() & GENERAL.keys()]
    shop = _workshop(files, texts, converters, findings)
    made = [one for text in texts if (one := MapReader(text, shop, findings).read())]
    # What one map lacks would show up as faults of others: the checks between maps wait until each is right.
    if not findings:
        for one in made:
            findings += check_map(one)
    classes = _classes(files, findings)
    if not findings:
        findings += check_set(made, classes)
    if not made and not findings:
        findings.append(Finding("", 1, "there is no map in this set"))
    if findings:
        raise MappingError(findings)
    return _assemble(files, made, shop, classes or {})


def fingerprint(files: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 over the names and bytes of a set, each with its length in front."""
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _classes(files: Mapping[str, bytes], findings: list[Finding]) -> dict[str, ClassRow] | None:
    data = files.get("class_map.csv")
    if data is None:
        return None
    try:
        return read_class_map("class_map.csv", data)
    except MappingError as error:
        findings += error.findings
        return None


def _workshop(
    files: Mapping[str, bytes], texts: list[MapText], converters: Mapping[str, Converter], findings: list[Finding]
) -> Workshop:
    concepts: dict[str, dict[str, CodeTable]] = {}
    units: dict[str, UnitTable] = {}
    # An analyst's table lies with the overlays and is named without their folder, as concept maps are.
    named = {UNITS, *(str(text.key("units")) for text in texts if text.key("units"))}
    where = {name if name in files else OVERLAYS + name: name for name in named}
    for name in sorted(files):
        try:
            if name.endswith(".csv") and is_concept_file(files[name]):
                concepts[name] = read_concepts(name, files[name])
            elif name in where:
                units[where[name]] = read_units(name, files[name])
        except MappingError as error:
            findings += error.findings
    shared: dict[str, CodeTable] = {}
    for name, tables in concepts.items():
        if not name.startswith(OVERLAYS):
            shared.update({table: overlay(shared.get(table), one) for table, one in tables.items()})
    dialect = _dialect(texts)
    return Workshop(
        dialect=dialect,
        converters={**(datatypes() if isinstance(dialect, Er7Dialect) else GENERAL), **converters},
        own=frozenset(converters),
        tables={text.name: _tables(text, files, shared, concepts, findings) for text in texts},
        units=units,
        shared=shared,
    )


def _dialect(texts: list[MapText]) -> Dialect:
    if not any(text.system == HL7V2 for text in texts):
        return JsonDialect()
    return Er7Dialect(next((str(text.key("charset")) for text in texts if text.key("charset")), None))


def _tables(
    text: MapText,
    files: Mapping[str, bytes],
    shared: Mapping[str, CodeTable],
    concepts: Mapping[str, Mapping[str, CodeTable]],
    findings: list[Finding],
) -> dict[str, CodeTable]:
    """Return the concept maps as one map sees them: the set's, with those that it names itself on top."""
    tables = dict(shared)
    for table, file in (text.key("codes") or {}).items():
        found = concepts.get(file, concepts.get(OVERLAYS + file, {})).get(table)
        if found is None:
            findings.append(text.fault(f"{file} has no concept map {table!r}", "codes"))
        else:
            tables[table] = overlay(tables.get(table), found)
    units = text.key("units")
    if units and not {units, OVERLAYS + units} & files.keys():
        findings.append(text.fault(f"there is no units file {units}", "units"))
    return tables


def _assemble(files: Mapping[str, bytes], made: list[MapMade], shop: Workshop, classes: Mapping[str, ClassRow]) -> MappingSet:
    slots: list[RowFacts | None] = []
    referred = frozenset(key_label(row.key_type, row.key) for one in made for row in one.rows if row.key)
    plans = tuple(_plan(one, shop, slots, referred) for one in made)
    routes = {plan.kind: Routes(tuple(other for other in plans if other.kind == plan.kind)) for plan in plans}
    versions = sorted((tuple(int(part) for part in one.text.key("version").split(".")) for one in made), reverse=True)
    overlays = sum(name.startswith(OVERLAYS) and name.endswith((".yaml", ".yml")) for name in files)
    label = f"{made[0].text.system}@{'.'.join(map(str, versions[0]))}{'+overlay' if overlays else ''}"
    return MappingSet(
        sha256=fingerprint(files),
        version_label=label,
        dialect=shop.dialect,
        plans=plans,
        routes=routes,
        links=links(made, classes),
        memories=Memories(slots),
    )


def _plan(made: MapMade, shop: Workshop, slots: list[RowFacts | None], referred: Collection[str]) -> MapPlan:
    places = item_alone(made, shop.converters) if shop.dialect.remembers else ()
    compiled = compile_map(made, shop.dialect, dict(shop.converters), slots, referred)
    plan = MapPlan(
        name=made.text.name,
        kind=made.text.kind,
        type=made.text.type,
        at=made.text.at,
        write=made.text.key("write") or "snapshot",
        source=compiled.source,
        zone=made.zone,
        whole=compiled.whole,
        heads=compiled.heads,
        noted=compiled.noted,
        content=content(made, shop),
        named=frozenset(one.at for one in made.rows if one.at),
        events=constants(made.selector).get(shop.dialect.trigger),
        pin=None if made.foreach is None else made.foreach.pin(),
        places=places,
        slot=len(slots) if places else -1,
    )
    if places:
        slots.append(None)
    compiled.names["PLAN"] = plan
    return plan
