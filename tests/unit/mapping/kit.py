"""What the tests of the mapping share: a fixed id space, a small set of files, and leaves of a body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from gateway.identity import IdSpace
from gateway.jsonbytes import dumps
from gateway.mapping.compiler import compile_set
from gateway.mapping.convert import Converter
from gateway.mapping.engine import MappingSet
from gateway.model import SourceRecord

IDS = IdSpace(namespace=UUID("6f1c5a52-7a0c-4d6d-9f0e-0d4f4c1f7b11"), hash_key=b"test" * 8)

PATIENT = """
map: ecd.client -> Patient
version: "1.0.0"
key: [client, "{id}"]
class: patient
rows:
  - {id: P.1, from: birthDate, to: birthDate}
"""
HEAD = """
version: "1.0.0"
key: [report, "{id}"]
class: "report/{reportTypeId}"
zone: Europe/Amsterdam
"""
NEEDED = """
  - {id: N.1, to: status, const: final}
  - {id: N.2, to: code.text, const: x}
  - {id: N.3, from: clientId, to: subject, as: reference, with: {type: Patient, key: [client, "{clientId}"]}}
"""
CONCEPTS = "map,source_system,source_code,target_system,target_code,target_display,relation,note\n"


def observation(rows: str, *, selector: str = "", keys: str = "", needed: str = NEEDED) -> str:
    """Return a map of reports to Observation with the rows that it can't do without."""
    indented = "\n".join("  " + line.strip() for line in rows.strip().splitlines())
    return f"map: ecd.report{selector} -> Observation\n{HEAD}{keys}\nrows:{needed}{indented}\n"


def build(files: Mapping[str, str], converters: Mapping[str, Converter] | None = None) -> MappingSet:
    """Compile files beside the map of the Patient."""
    texts = {"patient.yaml": PATIENT, **files}
    return compile_set({name: text.encode() for name, text in texts.items()}, converters or {})


def record(content: Any, kind: str = "report", **facts: Any) -> SourceRecord:
    """Return a record; an object gets the fields that every report has."""
    if isinstance(content, dict):
        content = {"id": 77, "clientId": 12, "reportTypeId": 101, **content}
    body = content if isinstance(content, bytes) else dumps(content)
    return SourceRecord(system="ecd-one", kind=kind, stream="reports", key="77", body=body, **facts)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a body with its path."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            if part is not None:
                yield from leaves(part, f"{path}[{number}]")
    else:
        yield path, value
