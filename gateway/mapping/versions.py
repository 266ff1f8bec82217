"""Versions of a mapping: the files that ship with the product, and the rows that every process loads by hash."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from threading import Lock
from typing import Any, Final

from psycopg.types.json import Jsonb

from gateway.database import Connection
from gateway.errors import Misconfigured
from gateway.mapping.compiler import compile_set, fingerprint
from gateway.mapping.convert import Converter, collect
from gateway.mapping.engine import MappingSet
from gateway.mapping.language import OVERLAYS

KNOWN: Final = "select 1 from mapping_version where source_id = %s and sha256 = %s"
RETIRE: Final = "update mapping_version set state = 'retired' where source_id = %s and state = 'active'"
INSERT: Final = """
insert into mapping_version (org, source_id, sha256, files, label, state, activated_at)
values (%s, %s, %s, %s, %s, 'active', %s)"""
ACTIVE: Final = "select sha256, label from mapping_version where source_id = %s and state = 'active'"
VERSION: Final = "select label, files from mapping_version where source_id = %s and sha256 = %s"

# Converters are part of what a version means, so their text is part of its hash; they run from the installed package.
SHIPPED: Final = (".yaml", ".csv", ".py")
KEPT: Final = 16

_compiled: OrderedDict[bytes, MappingSet] = OrderedDict()
_lock = Lock()


def _package(system: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]*", system):
        raise Misconfigured(f"{system!r} is not the name of a set of maps")
    return f"mappings.{system}"


def shipped_files(system: str, overlay: str | None = None) -> dict[str, bytes]:
    """Return the files of the maps that ship for a kind of source system, with the overlay of one source if it has one.

    Raises:
        Misconfigured: none ship for it.
    """
    try:
        root = package_files(_package(system))
    except ModuleNotFoundError:
        raise Misconfigured(f"no maps ship for {system!r}") from None
    found = {name: data for name, data in _walk(root, "") if _belongs(name, overlay)}
    if not any(name.endswith(".yaml") for name in found):
        raise Misconfigured(f"no maps ship for {system!r}")
    return found


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.startswith(("_", ".")):
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.is_file() and entry.name.endswith(SHIPPED):
            yield prefix + entry.name, entry.read_bytes()


def _belongs(name: str, overlay: str | None) -> bool:
    return not (name.startswith(OVERLAYS) and name.endswith(".yaml")) or name == f"{OVERLAYS}{overlay}.yaml"


def shipped_converters(system: str) -> dict[str, Converter]:
    """Return the converters in the modules that stand beside the maps of a system."""
    package = importlib.import_module(_package(system))
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return collect(*(importlib.import_module(f"{package.__name__}.{name}") for name in names))


def compile_shipped(system: str, overlay: str | None = None) -> MappingSet:
    """Compile what ships for a system, without a database.

    Raises:
        Misconfigured: nothing ships, or it has faults (``MappingError``).
    """
    return _compile(system, shipped_files(system, overlay))


def _compile(system: str, files: Mapping[str, bytes]) -> MappingSet:
    """Compile files, or take what this process compiled of the same files before."""
    sha256 = fingerprint(files)
    with _lock:
        if sha256 not in _compiled:
            _compiled[sha256] = compile_set(files, shipped_converters(system))
        _compiled.move_to_end(sha256)
        while len(_compiled) > KEPT:
            _compiled.popitem(last=False)
        return _compiled[sha256]


def import_shipped(db: Connection, org: int, source_id: int, files: Mapping[str, bytes], now: datetime) -> bytes:
    """Make shipped files the active version of a source and return their hash; files that were imported before change nothing.

    Raises:
        MappingError: they have faults; the version that is active stays.
    """
    system = _system(files)
    compiled = _compile(system, files)
    if db.execute(KNOWN, (source_id, compiled.sha256)).fetchone() is None:
        texts = {name: data.decode() for name, data in files.items()}
        db.execute(RETIRE, (source_id,))
        db.execute(INSERT, (org, source_id, compiled.sha256, Jsonb(texts), compiled.version_label, now))
    return compiled.sha256


def _system(files: Mapping[str, bytes]) -> str:
    """Return the system that the maps name: the word before the first dot of a ``map`` key."""
    for name in sorted(files):
        found = re.search(rb'^map:\s*["\']?([a-z][a-z0-9_-]*)\.', files[name], re.MULTILINE) if name.endswith(".yaml") else None
        if found:
            return found[1].decode().replace("-", "_")
    raise Misconfigured("there is no map in these files")


def active(db: Connection, source_id: int) -> MappingSet:
    """Return the compiled set that is active for a source. An activation shows from the next call on.

    Raises:
        Misconfigured: none is active, or its files aren't those of its hash.
    """
    row = db.execute(ACTIVE, (source_id,)).fetchone()
    if row is None:
        raise Misconfigured(f"source {source_id} has no active mapping; import one with 'zorgsluis db upgrade'")
    return version(db, source_id, bytes(row.sha256))


def version(db: Connection, source_id: int, sha256: bytes) -> MappingSet:
    """Return one version of a source's maps by its hash, whatever its state: what lineage is recomputed with.

    Raises:
        Misconfigured: there is no such version, or its files were altered.
    """
    with _lock:
        known = _compiled.get(sha256)
    if known is not None:
        return known
    row: Any = db.execute(VERSION, (source_id, sha256)).fetchone()
    if row is None:
        raise Misconfigured(f"source {source_id} has no mapping version {sha256.hex()[:12]}")
    files = {name: text.encode() for name, text in row.files.items()}
    if fingerprint(files) != sha256:
        raise Misconfigured(f"the files of mapping version {sha256.hex()[:12]} were altered")
    return _compile(_system(files), files)
