"""The golden pairs: ``<system>-<kind>/<case>.source.json`` or ``.source.hl7``, a record as it was received, and beside it what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway import er7
from gateway.jsonbytes import loads
from gateway.mapping.engine import MappingSet
from gateway.mapping.golden import IDS
from gateway.model import MapResult, SourceRecord

HERE: Final = Path(__file__).parent
SOURCES: Final = (".source.json", ".source.hl7")
EXPECTED: Final = ".expected.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One pair."""

    name: str
    system: str
    kind: str
    source: Path

    @property
    def expected(self) -> Path:
        """The file that says what becomes of the record."""
        return self.source.with_name(self.source.name.removesuffix(self.source.suffix).removesuffix(".source") + EXPECTED)

    def record(self) -> SourceRecord:
        """Return the record as the journal would hold it, without labels: what must not leave, the maps must see themselves."""
        body = self.source.read_bytes()
        key = str(loads(body)["id"]) if self.source.suffix == ".json" else er7.envelope(er7.parse(body)).control_id
        return SourceRecord(system=f"{self.system}-golden", kind=self.kind, stream=self.kind, key=key, body=body)

    def result(self, maps: MappingSet) -> MapResult:
        """Return what becomes of the record."""
        return maps.map(self.record(), IDS)


def cases() -> Iterator[Case]:
    """Yield every pair, in the order of their names."""
    for source in sorted(path for ending in SOURCES for path in HERE.glob(f"*/*{ending}")):
        system, _, kind = source.parent.name.partition("-")
        name = f"{source.parent.name}/{source.name.removesuffix(source.suffix).removesuffix('.source')}"
        yield Case(name=name, system=system, kind=kind, source=source)
