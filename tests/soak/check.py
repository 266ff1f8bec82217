"""What a member was allowed, moment by moment, against what the portal's own store says it held."""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

WRITES: Final = "select member, type || '/' || id, op, at, sha256 from version where seq > ? order by seq"
END: Final = math.inf


class Wrote(NamedTuple):
    """One write that the portal accepted: ``at`` in seconds since 1970, ``sha256`` of the bytes (none of a delete)."""

    member: str
    ref: str
    op: str
    at: float
    sha256: str | None


class Allowed(NamedTuple):
    """From this moment on the member may have exactly these resources."""

    at: float
    refs: frozenset[str]


class Span(NamedTuple):
    """A stretch of time, in seconds since 1970."""

    begin: float
    end: float


@dataclass(slots=True)
class Report:
    """What was found. ``exposed`` are the seconds that something stayed at a running portal after it was no longer permitted."""

    deliveries: int = 0
    retractions: int = 0
    exposed: list[float] = field(default_factory=list)
    unpermitted: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Return the exposure that this share of the retractions stays under; 0 when there was none."""
        ordered = sorted(self.exposed)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def portal_writes(store: Path) -> list[Wrote]:
    """Read everything that the portal ever accepted, in its order."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return [
            Wrote(member, ref, op, datetime.fromisoformat(at).timestamp(), sha256)
            for member, ref, op, at, sha256 in db.execute(WRITES, (0,))
        ]


Held = dict[str, dict[str, list[Span]]]


def checked(
    writes: Iterable[Wrote], allowed: dict[str, list[Allowed]], *, outages: Sequence[Span] = (), deadline_s: float = END
) -> Report:
    """Compare. ``allowed`` has each member's moments in order, the first before the first change; what was before it isn't judged.

    Something is *unpermitted* when it is still there at the end, or was there longer than the deadline, times without a portal not counted.
    """
    report = Report()
    held = _held(writes, report)
    report.unpermitted += [f"{member}: nobody that we know" for member in held.keys() - allowed.keys()]
    for member, moments in allowed.items():
        theirs = held.get(member, {})
        for ref, spans in theirs.items():
            for stretch in (found for span in spans for found in _forbidden(ref, span, moments)):
                _judge(report, f"{member} {ref}", stretch, outages, deadline_s)
        kept = {ref for ref, spans in theirs.items() if spans[-1].end == END}
        report.missing += [f"{member} {ref}" for ref in sorted(moments[-1].refs - kept)]
    return report


def _held(writes: Iterable[Wrote], report: Report) -> Held:
    """Return from when to when each member held each resource; count, and note what came twice with the same bytes."""
    held: Held = defaultdict(lambda: defaultdict(list))
    bytes_of: dict[tuple[str, str], str | None] = {}
    for write in writes:
        spans, place = held[write.member][write.ref], (write.member, write.ref)
        there = bool(spans) and spans[-1].end == END
        if write.op == "delete":
            report.retractions += there
            if there:
                spans[-1] = Span(spans[-1].begin, write.at)
            bytes_of.pop(place, None)
            continue
        report.deliveries += 1
        if bytes_of.get(place) == write.sha256:
            report.twice.append(f"{write.member} {write.ref}")
        bytes_of[place] = write.sha256
        if not there:
            spans.append(Span(write.at, END))
    return held


def _forbidden(ref: str, span: Span, moments: Sequence[Allowed]) -> Iterator[Span]:
    """Yield the parts of a span of holding in which it was not permitted."""
    place = max(0, bisect_right(moments, span.begin, key=lambda moment: moment.at) - 1)
    since: float | None = None
    for moment in moments[place:]:
        if moment.at >= span.end:
            break
        if ref not in moment.refs:
            since = max(span.begin, moment.at) if since is None else since
        elif since is not None:
            yield Span(since, moment.at)
            since = None
    if since is not None:
        yield Span(since, span.end)


def _judge(report: Report, what: str, stretch: Span, outages: Sequence[Span], deadline_s: float) -> None:
    if stretch.end == END:
        report.unpermitted.append(f"{what}: still there")
        return
    away = sum(max(0.0, min(outage.end, stretch.end) - max(outage.begin, stretch.begin)) for outage in outages)
    exposed = stretch.end - stretch.begin - away
    report.exposed.append(exposed)
    if exposed > deadline_s:
        report.unpermitted.append(f"{what}: for {exposed:.0f} s")
