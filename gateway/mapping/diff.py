"""What another version of the maps would change, by meaning: two results of one message compared, differences grouped and counted.

Values are masked as in issues; only what stands in the maps themselves (constants, classes, labels) is shown. Two versions make the same
resource when type and id are the same; elements of a list are matched by content first, then in their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal

from gateway.jsonbytes import canonical, dumps
from gateway.mapping import r4
from gateway.mapping.fill import mask
from gateway.model import Issue, Mapped, MapResult

Kind = Literal["added", "removed", "changed", "outcome", "issue"]
# Of each difference this many messages are named.
EXAMPLES: Final = 5
# The order in which they are listed: what matters most first.
ORDER: Final[tuple[Kind, ...]] = ("outcome", "issue", "removed", "changed", "added")
TEXTS: Final = frozenset({"string", "markdown", "xhtml", "base64Binary"})
FROM_THE_MAP: Final = frozenset({"constant", "default"})
WHOLE: Final = "(resource)"
# What is decided about a resource beside its elements, and whether it is the map's own word.
FACTS: Final[Mapping[str, bool]] = {
    "class_": True,
    "audience": True,
    "labels": True,
    "write": True,
    "withdrawn": True,
    "origin_portal": True,
    "data_at": False,
    "patient": False,
    "secrets": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One message in which it differs: its number in the journal, both values masked, the row that wrote the value."""

    journal_id: int
    old: str
    new: str
    row: str = ""


@dataclass(slots=True, kw_only=True)
class Difference:
    """One kind of difference at one place; ``count`` is how often, ``messages`` in how many messages."""

    kind: Kind
    type: str
    path: str
    count: int = 0
    messages: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One leaf that differs. Paths with indexes lead to it in each body."""

    kind: Kind
    path: str
    old: Any = None
    new: Any = None
    old_at: str = ""
    new_at: str = ""


class Comparison:
    """Takes message after message, and groups what differs."""

    def __init__(self) -> None:
        self.messages = 0
        self.differing = 0
        self._groups: dict[tuple[Kind, str, str], Difference] = {}

    def take(self, journal_id: int, old: MapResult, new: MapResult) -> None:
        """Compare what two versions make of a message."""
        self.messages += 1
        seen: set[tuple[Kind, str, str]] = set()
        for key, example in _differences(journal_id, old, new):
            group = self._groups.setdefault(key, Difference(kind=key[0], type=key[1], path=key[2]))
            group.count += 1
            if key not in seen:
                seen.add(key)
                group.messages += 1
                if len(group.examples) < EXAMPLES:
                    group.examples.append(example())
        self.differing += bool(seen)

    def differences(self) -> list[Difference]:
        """Return what was found, what matters most first, then the most frequent."""
        return sorted(self._groups.values(), key=lambda one: (ORDER.index(one.kind), -one.count, one.type, one.path))


def _differences(journal_id: int, old: MapResult, new: MapResult) -> Iterator[tuple[tuple[Kind, str, str], Any]]:
    """Yield (kind, type, path) of each difference, and what makes an example of it."""
    if (old.outcome, old.reason) != (new.outcome, new.reason):
        said = f"{_outcome(old)} -> {_outcome(new)}"
        yield ("outcome", "", said), lambda: Example(journal_id=journal_id, old=_outcome(old), new=_outcome(new))
    yield from _issues(journal_id, old.issues, new.issues)
    mine = {(one.type, one.id): one for one in old.mapped}
    theirs = {(one.type, one.id): one for one in new.mapped}
    for key in dict.fromkeys([*mine, *theirs]):
        one, other = mine.get(key), theirs.get(key)
        if one is None or other is None:
            kind: Kind = "added" if one is None else "removed"
            yield (kind, key[0], WHOLE), lambda: Example(journal_id=journal_id, old="", new="")
            continue
        yield from _facts(journal_id, one, other)
        if dumps(one.body) == dumps(other.body):
            continue
        for change in _changes(one.body, other.body, "", "", ""):
            yield (change.kind, key[0], change.path), _Masked(journal_id, one, other, change)


def _outcome(result: MapResult) -> str:
    return f"{result.outcome} ({result.reason})" if result.reason else result.outcome


def _issues(journal_id: int, old: tuple[Issue, ...], new: tuple[Issue, ...]) -> Iterator[tuple[tuple[Kind, str, str], Any]]:
    before, after = Counter(old), Counter(new)
    for word, some in (("gone", before - after), ("new", after - before)):
        for issue in some.elements():
            place = f"{word}: {issue.code} at {issue.row or 'the message'}"

            def example(issue: Issue = issue, word: str = word) -> Example:
                shown = f"{issue.source_path} {issue.masked}".strip()
                return Example(
                    journal_id=journal_id, old=shown if word == "gone" else "", new=shown if word == "new" else "", row=issue.row
                )

            yield ("issue", "", place), example


def _facts(journal_id: int, old: Mapped, new: Mapped) -> Iterator[tuple[tuple[Kind, str, str], Any]]:
    for name, shown in FACTS.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            said = [_fact(value) if shown else "****" for value in (before, after)]
            path = f"({name.removesuffix('_')})"
            yield ("changed", old.type, path), lambda said=said: Example(journal_id=journal_id, old=said[0], new=said[1])


def _fact(value: Any) -> str:
    return " ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


@dataclass(frozen=True, slots=True)
class _Masked:
    """An example in the making: made only for the few that are shown."""

    journal_id: int
    old: Mapped
    new: Mapped
    change: Change

    def __call__(self) -> Example:
        """Return it with its values masked."""
        old, old_row = self._side(self.old, self.change.old, self.change.old_at)
        new, new_row = self._side(self.new, self.change.new, self.change.new_at)
        return Example(journal_id=self.journal_id, old=old, new=new, row=new_row or old_row)

    def _side(self, mapped: Mapped, value: Any, at: str) -> tuple[str, str]:
        if not at:
            return "", ""
        line = next((line for line in mapped.lineage if line.path == at), None)
        if line is not None and line.origin in FROM_THE_MAP:
            return str(value), line.row
        return mask(value, private=_private(mapped.type, self.change.path)), line.row if line else ""


@cache
def _private(type_: str, path: str) -> bool:
    """Whether an element holds text, so that not one character of it is shown; what isn't known does."""
    context = type_
    found: r4.Found | None = None
    for name in path.split("."):
        found = r4.find(context, name)
        if found is None:
            return True
        context = found.context
    return found is None or found.type in TEXTS


def _changes(old: Any, new: Any, path: str, old_at: str, new_at: str) -> Iterator[Change]:
    """Yield what differs between two values, leaf by leaf."""
    if type(old) is dict and type(new) is dict:
        for name in dict.fromkeys([*old, *new]):
            below = [f"{place}.{name}" if place else name for place in (path, old_at, new_at)]
            if name not in old:
                yield from _leaves("added", new[name], below[0], below[2])
            elif name not in new:
                yield from _leaves("removed", old[name], below[0], below[1])
            else:
                yield from _changes(old[name], new[name], *below)
    elif type(old) is list and type(new) is list:
        yield from _lists(old, new, path, old_at, new_at)
    elif not _same(old, new):
        if isinstance(old, (dict, list)) or isinstance(new, (dict, list)):
            yield from _leaves("removed", old, path, old_at)
            yield from _leaves("added", new, path, new_at)
        else:
            yield Change(kind="changed", path=path, old=old, new=new, old_at=old_at, new_at=new_at)


def _same(old: Any, new: Any) -> bool:
    """Whether two leaves say the same; of numbers each digit counts."""
    if type(old) is str and type(new) is str:
        return old == new
    return canonical(old) == canonical(new)


def _lists(old: list[Any], new: list[Any], path: str, old_at: str, new_at: str) -> Iterator[Change]:
    """Compare lists: equal elements belong together wherever they stand, the others in their order."""
    theirs = Counter(canonical(value) for value in new)
    mine: list[tuple[int, Any]] = []
    for number, value in enumerate(old):
        text = canonical(value)
        if theirs[text]:
            theirs[text] -= 1
        else:
            mine.append((number, value))
    rest: list[tuple[int, Any]] = []
    for number, value in enumerate(new):
        text = canonical(value)
        if theirs[text]:
            theirs[text] -= 1
            rest.append((number, value))
    for (n, one), (m, other) in zip(mine, rest, strict=False):
        yield from _changes(one, other, path, f"{old_at}[{n}]", f"{new_at}[{m}]")
    for n, one in mine[len(rest) :]:
        yield from _leaves("removed", one, path, f"{old_at}[{n}]")
    for m, other in rest[len(mine) :]:
        yield from _leaves("added", other, path, f"{new_at}[{m}]")


def _leaves(kind: Literal["added", "removed"], value: Any, path: str, at: str) -> Iterator[Change]:
    if type(value) is dict:
        for name, part in value.items():
            yield from _leaves(kind, part, f"{path}.{name}" if path else name, f"{at}.{name}")
    elif type(value) is list:
        for number, part in enumerate(value):
            yield from _leaves(kind, part, path, f"{at}[{number}]")
    elif kind == "added":
        yield Change(kind=kind, path=path, new=value, new_at=at)
    else:
        yield Change(kind=kind, path=path, old=value, old_at=at)
