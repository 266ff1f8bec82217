"""Messages with results, built from their OBX, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gateway.mapping.golden import IDS
from gateway.mapping.versions import compile_shipped
from gateway.model import Mapped, MapResult, SourceRecord

HEAD: Final = "MSH|^~\\&|CARESS|ZORGGROEP|||20260310143005+0100||{kind}|{control}|P|2.5.1"
CLIENT: Final = "PID|1||0012345^^^CARESS^PI||Berg^Johanna"
ORDER: Final = "OBR|1||RES991^CARESS|85353-1^Vitale functies^LN|||20260310101500+0100"
WEIGHT: Final = "29463-7^Gewicht^LN"
SYSTOLIC: Final = "8480-6^Boven^LN"
DIASTOLIC: Final = "8462-4^Onder^LN"
REPORT: Final = "34109-9^Rapportage^LN"


def obx(
    type_: str, code: str, value: str, unit: str = "", *, sub: str = "", status: str = "F", at: str = "20260310101500+0100"
) -> str:
    """Return an OBX."""
    return f"OBX|1|{type_}|{code}|{sub}|{value}|{unit}|||||{status}|||{at}"


def txa(number: str = "RAP1^CARESS", *, parent: str = "", status: str = "LA", restricted: str = "", available: str = "AV") -> str:
    """Return a TXA of a progress note."""
    return f"TXA|1|PN|TX|20260310110000+0100||||||||{number}|{parent}|||{'|'.join(('', status, restricted, available))}"


def mapped(kind: str, *segments: str, control: str = "MSG1") -> MapResult:
    """Return what becomes of a message (``ORU^R01``) with these segments after its MSH."""
    body = "\r".join([HEAD.format(kind=kind, control=control), *segments]).encode()
    record = SourceRecord(system="caress", kind=kind[:3].lower(), stream="hl7v2", key=control, body=body)
    return compile_shipped("hl7v2").map(record, IDS)


def oru(*segments: str, control: str = "MSG1") -> list[Mapped]:
    """Return the Observations and documents that an ORU about one client and order gives."""
    return made(mapped("ORU^R01^ORU_R01", CLIENT, ORDER, *segments, control=control))


def made(result: MapResult) -> list[Mapped]:
    """Return the Observations and documents of a result, which must have come through."""
    assert result.outcome in ("ok", "ok-with-issues"), result.reason
    return [one for one in result.mapped if one.type in ("Observation", "DocumentReference")]


def bodies(some: Iterable[Mapped]) -> list[dict[str, Any]]:
    """Return the resources themselves."""
    return [one.body for one in some]
