"""Versions of a mapping: the files that ship with the product, and the rows that every process loads by hash."""

from __future__ import annotations

import importlib
import pkgutil
import re
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from threading import Lock
from typing import Any, Final, Literal

from psycopg.types.json import Jsonb

from gateway.database import Connection
from gateway.errors import Misconfigured
from gateway.mapping.compiler import compile_set, fingerprint
from gateway.mapping.convert import Converter, collect
from gateway.mapping.engine import MappingSet
from gateway.mapping.language import OVERLAYS
from gateway.mapping.overlay import own_files

SHIPPED_SHA: Final = "select shipped_sha from source where id = %s"
# One at a time; what refers to the source, such as intake, goes on.
LOCK: Final = "select shipped_sha from source where id = %s for no key update"
SHIPS: Final = "update source set shipped_sha = %s where id = %s"
COLUMNS: Final = "sha256, label, state, base_sha, added_at, activated_at"
ONE: Final = f"select {COLUMNS} from mapping_version where source_id = %s and sha256 = %s"
ALL: Final = f"select {COLUMNS} from mapping_version where source_id = %s order by id desc"
IN_USE: Final = f"select {COLUMNS} from mapping_version where source_id = %s and state = 'active'"
INSERT: Final = """
insert into mapping_version (org, source_id, sha256, files, label, state, base_sha, added_at)
values (%s, %s, %s, %s, %s, 'draft', %s, %s)"""
RETIRE: Final = "update mapping_version set state = 'retired' where source_id = %s and state = 'active'"
ACTIVATE: Final = "update mapping_version set state = 'active', activated_at = %s where source_id = %s and sha256 = %s"
FILES: Final = "select files from mapping_version where source_id = %s and sha256 = %s"

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
    return compile_files(shipped_files(system, overlay))


def compile_files(files: Mapping[str, bytes], *, keep: bool = True) -> MappingSet:
    """Compile files, or take what this process compiled of the same files before. ``keep`` false: it won't be asked for again.

    Raises:
        MappingError: they have faults, each with its file and line.
        Misconfigured: there is no map among them, or no converters ship for its system.
    """
    sha256 = fingerprint(files)
    with _lock:
        made = _compiled.get(sha256) or compile_set(files, shipped_converters(_system(files)))
        if keep:
            _compiled[sha256] = made
            _compiled.move_to_end(sha256)
        while len(_compiled) > KEPT:
            _compiled.popitem(last=False)
        return made


def _system(files: Mapping[str, bytes]) -> str:
    """Return the system that the maps name: the word before the first dot of a ``map`` key."""
    for name in sorted(files):
        found = re.search(rb'^map:\s*["\']?([a-z][a-z0-9_-]*)\.', files[name], re.MULTILINE) if name.endswith(".yaml") else None
        if found:
            return found[1].decode().replace("-", "_")
    raise Misconfigured("there is no map in these files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a source's maps. ``base_sha`` is the shipped set under an analyst's version, ``None`` for a shipped set itself."""

    sha256: bytes
    label: str
    state: Literal["draft", "active", "retired"]
    base_sha: bytes | None
    added_at: datetime | None
    activated_at: datetime | None

    @property
    def short(self) -> str:
        """The beginning of the hash, as people name it."""
        return self.sha256.hex()[:12]


def _version(row: Any) -> Version:
    base = None if row.base_sha is None else bytes(row.base_sha)
    return Version(**{**row._asdict(), "sha256": bytes(row.sha256), "base_sha": base})


def import_shipped(db: Connection, org: int, source_id: int, files: Mapping[str, bytes], now: datetime) -> bytes:
    """Take over what ships with the installed program, and return its hash. Only another set than last time changes anything.

    Where what is active was shipped, the new set becomes active, also when it is an older one that was known: a program that is put back
    works with its own maps. Where an analyst's version is active it stays, and its files on top of the new set become a draft.

    Raises:
        MappingError: the files have faults; nothing changes.
    """
    sha256 = fingerprint(files)
    source = db.execute(LOCK, (source_id,)).fetchone()
    if source is not None and source.shipped_sha is not None and bytes(source.shipped_sha) == sha256:
        return sha256
    label = compile_files(files).version_label
    keep(db, org, source_id, files, label, None, now)
    in_use = current(db, source_id)
    if in_use is None or in_use.base_sha is None:
        activate(db, source_id, sha256, now)
    else:
        own = own_files(files_of(db, source_id, in_use.sha256), files_of(db, source_id, in_use.base_sha))
        keep(db, org, source_id, {**files, **own}, f"{in_use.label} on {label}", sha256, now)
    db.execute(SHIPS, (sha256, source_id))
    return sha256


def keep(
    db: Connection, org: int, source_id: int, files: Mapping[str, bytes], label: str, base_sha: bytes | None, now: datetime
) -> Version:
    """Store files as a draft and return it; files that are known already change nothing, and their version is returned."""
    sha256 = fingerprint(files)
    if db.execute(ONE, (source_id, sha256)).fetchone() is None:
        db.execute(INSERT, (org, source_id, sha256, Jsonb(_texts(files)), label, base_sha, now))
    return _version(db.execute(ONE, (source_id, sha256)).fetchone())


def activate(db: Connection, source_id: int, sha256: bytes, now: datetime) -> None:
    """Make a version the active one; the one that was is retired. Whoever maps the next batch uses it."""
    db.execute(LOCK, (source_id,))
    in_use = current(db, source_id)
    if in_use is None or in_use.sha256 != sha256:
        db.execute(RETIRE, (source_id,))
        db.execute(ACTIVATE, (now, source_id, sha256))


def current(db: Connection, source_id: int) -> Version | None:
    """Return the active version, ``None`` while there is none."""
    row = db.execute(IN_USE, (source_id,)).fetchone()
    return None if row is None else _version(row)


def shelf(db: Connection, source_id: int) -> list[Version]:
    """Return every version of a source's maps, the newest first."""
    return [_version(row) for row in db.execute(ALL, (source_id,))]


def shipped_sha(db: Connection, source_id: int) -> bytes:
    """Return the hash of the shipped set that was last taken over.

    Raises:
        Misconfigured: none was.
    """
    row = db.execute(SHIPPED_SHA, (source_id,)).fetchone()
    if row is None or row.shipped_sha is None:
        raise Misconfigured(f"source {source_id} has no maps; import them with 'zorgsluis db upgrade'")
    return bytes(row.shipped_sha)


def active(db: Connection, source_id: int) -> MappingSet:
    """Return the compiled set that is active for a source. An activation shows from the next call on.

    Raises:
        Misconfigured: none is active, or its files aren't those of its hash.
    """
    found = current(db, source_id)
    if found is None:
        raise Misconfigured(f"source {source_id} has no active mapping; import one with 'zorgsluis db upgrade'")
    return version(db, source_id, found.sha256)


def version(db: Connection, source_id: int, sha256: bytes) -> MappingSet:
    """Return one version of a source's maps by its hash, whatever its state: what lineage is recomputed with.

    Raises:
        Misconfigured: there is no such version, or its files were altered.
    """
    with _lock:
        known = _compiled.get(sha256)
    return known if known is not None else compile_files(files_of(db, source_id, sha256))


def files_of(db: Connection, source_id: int, sha256: bytes) -> dict[str, bytes]:
    """Return the files of a version.

    Raises:
        Misconfigured: there is no such version, or its files were altered.
    """
    row: Any = db.execute(FILES, (source_id, sha256)).fetchone()
    if row is None:
        raise Misconfigured(f"source {source_id} has no mapping version {sha256.hex()[:12]}")
    files = {name: _bytes(text) for name, text in row.files.items()}
    if fingerprint(files) != sha256:
        raise Misconfigured(f"the files of mapping version {sha256.hex()[:12]} were altered")
    return files


def _texts(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return files as JSON holds them: text, or base64 for a message in another character set or with a NUL."""
    return {name: _text(data) for name, data in files.items()}


def _text(data: bytes) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\x00"
    return {"base64": b64encode(data).decode()} if "\x00" in text else text


def _bytes(kept: Any) -> bytes:
    return kept.encode() if isinstance(kept, str) else b64decode(kept["base64"])
