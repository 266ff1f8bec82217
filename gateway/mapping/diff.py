"""What another version of the maps would change, by meaning: two results of one message compared, differences grouped and counted.

Values are masked as in issues; only what stands in the maps themselves (constants, classes, labels) is shown. Two versions make the same
resource when type and id are the same; elements of a list are matched by content first, then in their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final, Literal

from msgspec import Struct

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
_decided: Final = attrgetter(*FACTS)


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


class Change(Struct, frozen=True):
    """One leaf that differs. Paths with indexes lead to it in each body."""

    kind: Kind
    path: str
    old: Any = None
    new: Any = None
    old_at: str = ""
    new_at: str = ""


# What a difference is grouped by: kind, type of the resource, path. What makes an example of it, given the number of the message.
Group = tuple[Kind, str, str]
Found = Iterator[tuple[Group, Callable[[int], Example]]]


class Comparison:
    """Takes message after message, and groups what differs.

    Which messages are examples is known as they are taken; what they show is worked out for those few alone, when they are shown.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.differing = 0
        self._groups: dict[Group, Difference] = {}
        self._named: dict[Group, list[int]] = {}

    def take(self, journal_id: int, old: MapResult, new: MapResult) -> None:
        """Compare what two versions make of a message."""
        self.messages += 1
        counts: dict[Group, int] = {}
        for key, _ in _differences(old, new):
            counts[key] = counts.get(key, 0) + 1
        self.differing += bool(counts)
        for key, count in counts.items():
            self._count(key, count, 1, [journal_id])

    def pass_by(self) -> None:
        """Count a message of which both versions are known to make the same."""
        self.messages += 1

    def add(self, later: Comparison) -> None:
        """Take over what was found in later messages, and not shown yet."""
        self.messages += later.messages
        self.differing += later.differing
        for key, group in later._groups.items():
            self._count(key, group.count, group.messages, later._named[key])

    def _count(self, key: Group, count: int, messages: int, named: list[int]) -> None:
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Difference(kind=key[0], type=key[1], path=key[2])
            self._named[key] = []
        group.count += count
        group.messages += messages
        self._named[key] += named[: EXAMPLES - len(self._named[key])]

    def named(self) -> frozenset[int]:
        """Return the numbers of the messages that are examples."""
        return frozenset(number for some in self._named.values() for number in some)

    def show(self, journal_id: int, old: MapResult, new: MapResult) -> None:
        """Show a message where it is an example. Messages are shown in the order in which they were taken."""
        shown: set[Group] = set()
        for key, example in _differences(old, new):
            if key not in shown and journal_id in self._named[key]:
                shown.add(key)
                self._groups[key].examples.append(example(journal_id))

    def differences(self) -> list[Difference]:
        """Return what was found, what matters most first, then the most frequent."""
        return sorted(self._groups.values(), key=lambda one: (ORDER.index(one.kind), -one.count, one.type, one.path))


def alike(old: MapResult, new: MapResult) -> bool:
    """Tell at a glance that two results are the same in all that counts here; false where that takes a closer look."""
    return (
        (old.outcome, old.reason, old.issues) == (new.outcome, new.reason, new.issues)
        and [(one.type, one.id, *_decided(one)) for one in old.mapped]
        == [(one.type, one.id, *_decided(one)) for one in new.mapped]
        and dumps([one.body for one in old.mapped]) == dumps([one.body for one in new.mapped])
    )


def _differences(old: MapResult, new: MapResult) -> Found:
    """Yield the group of each difference, and what makes an example of it."""
    if (old.outcome, old.reason) != (new.outcome, new.reason):
        before, after = _outcome(old), _outcome(new)
        yield ("outcome", "", f"{before} -> {after}"), partial(_said, before, after, "")
    if old.issues != new.issues:
        yield from _issues(old.issues, new.issues)
    mine = {(one.type, one.id): one for one in old.mapped}
    theirs = {(one.type, one.id): one for one in new.mapped}
    for key in dict.fromkeys([*mine, *theirs]):
        one, other = mine.get(key), theirs.get(key)
        if one is None or other is None:
            yield ("added" if one is None else "removed", key[0], WHOLE), partial(_said, "", "", "")
            continue
        if _decided(one) != _decided(other):
            yield from _facts(one, other)
        if dumps(one.body) == dumps(other.body):
            continue
        for change in _changes(one.body, other.body, "", "", ""):
            yield (change.kind, key[0], change.path), partial(_masked, one, other, change)


def _said(old: str, new: str, row: str, journal_id: int) -> Example:
    return Example(journal_id=journal_id, old=old, new=new, row=row)


def _outcome(result: MapResult) -> str:
    return f"{result.outcome} ({result.reason})" if result.reason else result.outcome


def _issues(old: tuple[Issue, ...], new: tuple[Issue, ...]) -> Found:
    before, after = Counter(old), Counter(new)
    for word, some in (("gone", before - after), ("new", after - before)):
        for issue in some.elements():
            place = f"{word}: {issue.code} at {issue.row or 'the message'}"
            shown = f"{issue.source_path} {issue.masked}".strip()
            old_shown, new_shown = (shown, "") if word == "gone" else ("", shown)
            yield ("issue", "", place), partial(_said, old_shown, new_shown, issue.row)


def _facts(old: Mapped, new: Mapped) -> Found:
    for (name, shown), before, after in zip(FACTS.items(), _decided(old), _decided(new), strict=True):
        if before != after:
            mine, theirs = (_fact(value) if shown else "****" for value in (before, after))
            yield ("changed", old.type, f"({name.removesuffix('_')})"), partial(_said, mine, theirs, "")


def _fact(value: Any) -> str:
    return " ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def _masked(old: Mapped, new: Mapped, change: Change, journal_id: int) -> Example:
    before, old_row = _side(old, change.path, change.old, change.old_at)
    after, new_row = _side(new, change.path, change.new, change.new_at)
    return Example(journal_id=journal_id, old=before, new=after, row=new_row or old_row)


def _side(mapped: Mapped, path: str, value: Any, at: str) -> tuple[str, str]:
    if not at:
        return "", ""
    line = next((line for line in mapped.lineage if line.path == at), None)
    if line is not None and line.origin in FROM_THE_MAP:
        return str(value), line.row
    return mask(value, private=_private(mapped.type, path)), line.row if line else ""


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
            if type(old.get(name)) is str and old[name] == new.get(name):
                continue
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
            yield Change("changed", path, old, new, old_at, new_at)


def _same(old: Any, new: Any) -> bool:
    """Whether two leaves say the same; of numbers each digit counts."""
    if type(old) is str and type(new) is str:
        return old == new
    return canonical(old) == canonical(new)


def _lists(old: list[Any], new: list[Any], path: str, old_at: str, new_at: str) -> Iterator[Change]:
    """Compare lists: equal elements belong together wherever they stand, the others in their order."""
    texts = [canonical(value) for value in new]
    theirs = Counter(texts)
    mine: list[tuple[int, Any]] = []
    for number, value in enumerate(old):
        text = canonical(value)
        if theirs[text]:
            theirs[text] -= 1
        else:
            mine.append((number, value))
    rest: list[tuple[int, Any]] = []
    for number, (value, text) in enumerate(zip(new, texts, strict=True)):
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
        yield Change(kind, path, None, value, "", at)
    else:
        yield Change(kind, path, value, None, at, "")
