"""``bench mapping``: CPU time a message from bytes to FHIR JSON bytes, by kind, beside other engines in the same run.

Ours is what the product does: the maps over a journal record, with all issues, and each resource written as JSON. Lineage is worked out
when somebody asks, by mapping the record once more: what that costs with a line for each leaf, as a trace does it, is given beside it.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from uuid import UUID

from api.bench.baselines import IN_PROCESS, LINUXFORHEALTH, Baseline, linuxforhealth
from api.bench.messages import KINDS, messages
from gateway.identity import IdSpace
from gateway.jsonbytes import dumps
from gateway.mapping.engine import MappingSet
from gateway.mapping.versions import compile_shipped
from gateway.model import MapResult, SourceRecord

IDS: Final = IdSpace(namespace=UUID("5a6f7267-736c-4575-8973-2062656e6368"), hash_key=b"the messages of a benchmark, no more")
# What a message may cost, in microseconds of one core.
BARS_US: Final = {"adt": 80, "oru": 130, "siu": 60, "mdm": 60}
# How many times as fast as an engine that converts the kind at all.
TIMES: Final = {"hl7v2-fhir-bridge": 10, LINUXFORHEALTH: 50}
WARM_UP: Final = 300


def mapping(count: int, seed: int, folder: Path, *, baselines: bool = True) -> dict[str, Any]:
    """Run the benchmark over that many distinct messages a kind and return its figures; ``folder`` is for what is built on the way."""
    inputs = {kind: list(messages(kind, count, seed)) for kind in KINDS}
    maps = compile_shipped("hl7v2")
    with one_core():
        kinds = {kind: _ours(maps, kind, inputs[kind], seed) for kind in KINDS}
        others = {one.name: _baseline(one, inputs) for one in IN_PROCESS} if baselines else {}
    if baselines:
        others[LINUXFORHEALTH] = linuxforhealth(inputs, folder)
    for kind in KINDS:
        kinds[kind]["baselines"] = {name: _beside(found, kind, kinds[kind]["median_us"]) for name, found in others.items()}
    return {
        "bench": "mapping",
        "messages_a_kind": count,
        "seed": seed,
        "unit": "CPU microseconds a message, one core",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "mapping": maps.version_label,
        "kinds": kinds,
        "bars": [bar for kind in KINDS for bar in _bars(kind, kinds[kind])],
    }


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core, so that no time goes to moving it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def timed(convert: Callable[[bytes], object], inputs: Sequence[bytes]) -> list[float]:
    """Return the CPU microseconds that each message took in this thread."""
    clock = time.thread_time_ns
    spent = []
    for data in inputs:
        began = clock()
        convert(data)
        spent.append((clock() - began) / 1000)
    return spent


def _ours(maps: MappingSet, kind: str, inputs: Sequence[bytes], seed: int) -> dict[str, Any]:
    def convert(data: bytes) -> tuple[MapResult, list[bytes]]:
        result = maps.map(SourceRecord(system="bench", kind=kind, stream="hl7v2", key="bench", body=data), IDS)
        return result, [dumps(mapped.body) for mapped in result.mapped]

    def traced(data: bytes) -> tuple[MapResult, list[Any]]:
        result, _ = convert(data)
        return result, [mapped.lineage for mapped in result.mapped]

    sampled = inputs[:WARM_UP]
    for data in messages(kind, len(sampled), seed + 1):
        convert(data)
    spent = timed(convert, inputs)
    sample, written = zip(*(convert(data) for data in sampled), strict=True)
    return {
        "median_us": round(median(spent), 1),
        "with_lineage_written_us": round(median(timed(traced, sampled)), 1),
        "p95_us": round(quantiles(spent, n=20)[-1], 1),
        "mean_us": round(sum(spent) / len(spent), 1),
        "bytes_in": round(median(len(data) for data in inputs)),
        "bytes_out": round(median(sum(map(len, bodies)) for bodies in written)),
        "resources": round(median(len(result.mapped) for result in sample)),
        "lineage": round(median(sum(len(mapped.lineage) for mapped in result.mapped) for result in sample)),
        "issues": round(median(len(result.issues) for result in sample)),
        "quarantined": sum(result.outcome == "quarantined" for result in sample),
    }


def _baseline(one: Baseline, inputs: dict[str, list[bytes]]) -> dict[str, Any]:
    """Return what an engine needs per kind, or why there is nothing."""
    try:
        convert = one.make()
    except ImportError:
        return {"missing": "not installed; run: make bench-mapping"}
    return {kind: _attempt(convert, inputs[kind][: one.messages]) for kind in inputs}


def _attempt(convert: Callable[[bytes], object], inputs: Sequence[bytes]) -> dict[str, Any]:
    warm = len(inputs) // 4
    try:
        spent = timed(convert, inputs)[warm:]
    except Exception as error:  # noqa: BLE001 - what another engine can't convert is a result, whatever it raises
        return {"fails": type(error).__name__}
    return {"median_us": round(median(spent), 1), "messages": len(spent)}


def _beside(found: dict[str, Any], kind: str, ours: float) -> dict[str, Any]:
    result: dict[str, Any] = found if "missing" in found else found[kind]
    return {**result, "times_ours": round(result["median_us"] / ours, 1)} if "median_us" in result else result


def _bars(kind: str, figures: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield _bar(f"{kind}: at most {BARS_US[kind]} us", figures["median_us"], met=figures["median_us"] <= BARS_US[kind])
    yield _bar(f"{kind}: no message quarantined", figures["quarantined"], met=not figures["quarantined"])
    for name, times in TIMES.items():
        beside = figures["baselines"].get(name, {"missing": "left out"})
        if "times_ours" in beside:
            yield _bar(f"{kind}: {times} times as fast as {name}", beside["times_ours"], met=beside["times_ours"] >= times)
        elif "missing" in beside:
            yield {"bar": f"{kind}: {times} times as fast as {name}", "met": None, "missing": beside["missing"]}


def _bar(text: str, measured: float, *, met: bool) -> dict[str, Any]:
    return {"bar": text, "measured": measured, "met": met}
