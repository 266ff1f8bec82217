"""Target paths: where in a resource a row puts its value, checked against the R4 definitions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from gateway.mapping import r4
from gateway.mapping.dialect import PathError

How = Literal["single", "append", "named"]

_SEGMENT = re.compile(r"(_?[A-Za-z][A-Za-z0-9]*)(\[([^\]]*)\])?(\.|$)")
# Set by the engine (id, meta), or never: narrative is rendered where it is shown, contained resources have no compartment.
RESERVED: Final = frozenset({"resourceType", "id", "meta", "text", "contained", "implicitRules"})


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a target path. ``name`` is its name in JSON, ``label`` the name of one of its elements."""

    name: str
    how: How
    label: str
    found: r4.Found

    @property
    def identity(self) -> str:
        """What two rows must have in common to mean the same element: all forms of a choice are one."""
        name = self.found.element.path.rpartition(".")[2]
        name = "_" + name if self.name.startswith("_") else name
        return name if self.how == "single" else f"{name}[{self.label}]"


@dataclass(frozen=True, slots=True)
class TargetPath:
    """A whole target path."""

    text: str
    segments: tuple[Segment, ...]

    @property
    def leaf(self) -> r4.Found:
        """The element that the row fills."""
        return self.segments[-1].found

    @property
    def appends(self) -> bool:
        """Whether each value makes a new element somewhere on the way."""
        return any(segment.how == "append" for segment in self.segments)

    @property
    def identity(self) -> tuple[str, ...]:
        """What rows that fill the same element have in common."""
        return tuple(segment.identity for segment in self.segments)


def parse(type_: str, text: str) -> TargetPath:
    """Read a target path of a resource type.

    Raises:
        PathError: no such element, or brackets where there should be none, or the other way round.
    """
    segments: list[Segment] = []
    context, position = type_, 0
    while position < len(text):
        step = _SEGMENT.match(text, position)
        if step is None:
            raise PathError(f"{text}: not understood from {text[position:]!r}")
        segment = _segment(text, context, step[1], step[3] if step[2] else None)
        segments.append(segment)
        context, position = segment.found.context, step.end()
        if (step[4] == ".") != (position < len(text)):
            raise PathError(f"{text}: an element is expected at the end")
    if not segments:
        raise PathError("the target is empty")
    if segments[0].name in RESERVED:
        raise PathError(f"{text}: {segments[0].name} isn't for maps to fill")
    return TargetPath(text, tuple(segments))


def _segment(text: str, context: str, name: str, label: str | None) -> Segment:
    found = r4.find(context, name)
    if found is None and (types := r4.choices(context, name)):
        raise PathError(f"{text}: write {name} with its type, as in {name}{types[0][0].upper()}{types[0][1:]}")
    if found is None:
        raise PathError(f"{text}: {context} has no element {name!r}")
    if name.startswith("_") and found.element.repeats:
        raise PathError(f"{text}: a primitive that repeats gets its extensions from a converter that builds the whole")
    if found.element.repeats and label is None:
        raise PathError(f"{text}: {name} repeats; write {name}[] or {name}[label]")
    if not found.element.repeats and label is not None:
        raise PathError(f"{text}: {name} occurs once; write it without brackets")
    how: How = "single" if label is None else "named" if label else "append"
    if found.type == "Extension" and how != "named":
        raise PathError(f"{text}: name an extension by its url: {name}[https://…]")
    if found.primitive and how == "named":
        raise PathError(f"{text}: {name} is a primitive that repeats; write {name}[]")
    return Segment(name, how, label or "", found)
