"""The conformance report of one message: what in it deviates from the HL7 v2 standard, as a Dutch receiver reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from gateway.conformance.definitions import DEFAULT_VERSION, Definitions, are_defined, definitions
from gateway.conformance.fields import Fields
from gateway.conformance.finding import Finding, Severity
from gateway.conformance.profile import dutch_profile
from gateway.conformance.structure import Walk
from gateway.er7 import Message, NotHL7, parse

# What a report reads at most: it is for people, and its time has to have a bound. Reading 4,000 segments takes about a second.
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_SEGMENTS: Final = 4000
MOST_FINDINGS: Final = 500
TYPE, VERSION = 9, 12


def report(data: bytes, charset: str | None = None) -> list[Finding]:
    """Return the findings about one message, in the order of its segments; none when it conforms.

    Never raises: bytes that are no message, or that break hl7apy's own definitions, are a finding too. Reads 4 MiB and 4,000 segments at
    most and gives 500 findings at most, and says so when there was more.
    """
    if len(data) > MOST_BYTES:
        return [_note("warning", "", "too-large", f"{len(data)} bytes: reports are made of messages up to {MOST_BYTES} bytes")]
    try:
        return report_of(parse(data, charset))
    except NotHL7:
        return [_note("error", "MSH", "structure", "there is no readable MSH segment")]
    except Exception as error:  # noqa: BLE001 - the promise of this function: whatever a message does, it gets a report
        return [_note("error", "", "fault", f"no report could be made of this message ({type(error).__name__})")]


def report_of(message: Message) -> list[Finding]:
    """Return the findings about a message that was split."""
    found = list(islice(_findings(message), MOST_FINDINGS + 1))
    if len(found) > MOST_FINDINGS:
        found[MOST_FINDINGS:] = [
            _note("information", "", "too-large", f"more than {MOST_FINDINGS} findings; the rest is left out")
        ]
    return found


def _findings(message: Message) -> Iterator[Finding]:
    segments = message.segments[:MOST_SEGMENTS]
    labels = _labels([fields[0] for fields in segments])
    for note in message.notes:
        within = note.segment is not None and note.segment < len(labels)
        yield _note("warning", labels[note.segment or 0] if within else "", note.code, note.reason)
    known, found = _version(segments[0])
    yield from found
    if len(segments) < len(message.segments):
        text = f"{len(message.segments)} segments; the first {MOST_SEGMENTS} were read"
        yield _note("warning", "", "too-large", text)
    yield from _of_segments(known, segments, labels, whole=len(segments) == len(message.segments))


def _version(msh: Sequence[str]) -> tuple[Definitions, list[Finding]]:
    """Return the definitions of the message's version, or of the one that we take for it."""
    said = _component(msh, VERSION, 0)
    if are_defined(said):
        return definitions(said), []
    reason = "there are no definitions of the version that is named" if said else "no version is named"
    found = _note("warning", "MSH-12", "version", f"{reason}; read as {DEFAULT_VERSION}")
    return definitions(DEFAULT_VERSION), [found]


def _of_segments(
    known: Definitions, segments: Sequence[Sequence[str]], labels: Sequence[str], *, whole: bool
) -> Iterator[Finding]:
    judged = Fields(known, dutch_profile())
    standing: list[int] = []
    for index, fields in enumerate(segments):
        shapes = known.segment(fields[0])
        if shapes is not None:
            standing.append(index)
            yield from judged.judge(fields, shapes, labels[index])
        elif fields[0].startswith("Z"):
            yield _note("information", labels[index], "segment-local", "a segment of the sender's own: carried, not judged")
        else:
            yield _note("warning", labels[index], "segment-unknown", f"version {known.version} has no such segment")
    # What was cut off would be told as missing.
    if whole:
        yield from _of_structure(known, segments, labels, standing)


def _of_structure(
    known: Definitions, segments: Sequence[Sequence[str]], labels: Sequence[str], standing: Sequence[int]
) -> Iterator[Finding]:
    msh = segments[0]
    found = known.structure(_component(msh, TYPE, 0), _component(msh, TYPE, 1), _component(msh, TYPE, 2))
    if found is None:
        yield _note("warning", "MSH-9", "structure", f"version {known.version} has no structure for this type and event")
        return
    name, places = found
    yield from Walk(name, [segments[index][0] for index in standing], [labels[index] for index in standing]).walk(places)


def _component(fields: Sequence[str], number: int, component: int) -> str:
    parts = (fields[number] if number < len(fields) else "").partition("~")[0].split("^")
    return parts[component] if component < len(parts) else ""


def _labels(names: Sequence[str]) -> list[str]:
    """Return how each segment is shown: by its name, with its number where there are several."""
    total, seen, labels = Counter(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        labels.append(f"{name}({seen[name]})" if total[name] > 1 else name)
    return labels


def _note(severity: Severity, location: str, code: str, text: str) -> Finding:
    return Finding(severity=severity, location=location, code=code, text=text)
