"""What the generated maps call to read fields of HL7 v2: repetitions, components, texts as people read them, items of ``foreach``.

Fields, components and sub-components count from 1, as in the standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final

from gateway import er7
from gateway.mapping.er7tree import Node, Tree

# What a sender writes to say: this is empty now. An empty field says nothing.
NULL: Final = '""'
NOTHING: Final = ("", NULL)
# The beginnings of a field whose first component may be empty.
STOPS: Final = ("", "^", "~", '"')
# What no text of FHIR may hold; layout stays.
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
Hit = tuple[Any, Any]
Choice = tuple[int, int, str, bool]


class Item(Node):
    """One repetition of a field, when a map is repeated for each: its text is field 0, its number ``n``, its segment ``up``."""

    of: int = 0


def item(up: Node, of: int, text: str, n: int) -> Item:
    """Return a repetition. Its number is its own: what is worked out once for a node must not be taken for its neighbour's."""
    return Item("", [text], (up.i + 1 << 40) + (of << 24) + n, up, n, None, of)


def fld(f: list[str], number: int) -> str:
    """Return the first repetition of a field, raw."""
    if number >= len(f):
        return ""
    text = f[number]
    return text[: text.index("~")] if "~" in text else text


def word(f: list[str], number: int, component: int, sub: int) -> str:
    """Return the text of a field, component or sub-component as people read it, of the first repetition; empty for nothing."""
    if number >= len(f):
        return ""
    return plain(part(fld(f, number), component, sub)) if component > 1 or sub else lead(f[number])


def lead(text: str) -> str:
    """Return the first component of the first repetition of a field as people read it."""
    if "^" in text:
        text = text[: text.index("^")]
    if text.isalnum() or text.replace("-", "").isalnum():
        return text
    return plain(text[: text.index("~")] if "~" in text else text)


def comp(f: list[str], number: int, component: int, sub: int) -> str:
    """Return a component or sub-component of the first repetition of a field, raw."""
    if number >= len(f):
        return ""
    text = f[number]
    if "~" in text:
        text = text[: text.index("~")]
    return part(text, component, sub) if text else ""


def each(node: Node, number: int) -> Sequence[Hit]:
    """Return the filled repetitions of a field with their places."""
    f = node.f
    if number >= len(f) or not f[number]:
        return ()
    text = f[number]
    if "~" not in text:
        return ((text, (node, 1)),) if text != NULL else ()
    return [(one, (node, n)) for n, one in enumerate(text.split("~"), 1) if one and one != NULL]


def rep(f: list[str], number: int, which: int) -> str:
    """Return one repetition of a field, counted from 1, raw."""
    found = f[number].split("~") if number < len(f) else ()
    return found[which - 1] if which <= len(found) else ""


def chosen(f: list[str], number: int, choice: Choice) -> Iterator[tuple[str, int]]:
    """Yield the repetitions of a field that a choice lets through, with their number."""
    component, sub, wanted, sign = choice
    for n, text in enumerate(f[number].split("~") if number < len(f) else (), 1):
        if (plain(part(text, component, sub)) == wanted) is sign:
            yield text, n


def part(text: str, component: int, sub: int) -> str:
    """Return a component (0: all of it) or sub-component of a repetition, raw."""
    if component == 1 and not sub:
        return text[: text.index("^")] if "^" in text else text
    if component:
        parts = text.split("^")
        text = parts[component - 1] if component <= len(parts) else ""
    if sub:
        parts = text.split("&")
        text = parts[sub - 1] if sub <= len(parts) else ""
    return text


def plain(text: str) -> str:
    """Return the first component of a text as people read it, without control characters; empty also for what is said to be empty."""
    if text.isalnum() or text.replace("-", "").isalnum():
        # A code, a number or a word: nothing in it divides, escapes or is out of sight.
        return text
    if "^" in text:
        text = text[: text.index("^")]
    if "&" in text:
        text = text[: text.index("&")]
    if text == NULL:
        return ""
    text = er7.unescape(text) if "\\" in text else text
    return text if text.isprintable() else CONTROL.sub("", text)


def text_of(text: Any) -> str | None:
    """Return the text by which a value is compared and stands in keys; ``None`` for nothing."""
    return (plain(text) or None) if type(text) is str else None


def there(value: Any) -> bool:
    """Whether there is a value: not missing, not empty, not said to be empty."""
    return bool(value) and value != NULL


def segments(nodes: Iterable[Node]) -> list[Hit]:
    """Return whole segments with their places."""
    return [(node.f, (node, 0)) for node in nodes]


def hits(nodes: Iterable[Node], number: int, which: Any, component: int, sub: int) -> list[Hit]:
    """Return every value of a field over segments and repetitions, with its place (segment, number of the repetition)."""
    found: list[Hit] = []
    for node in nodes:
        f = node.f
        if number >= len(f) or not f[number]:
            continue
        if which == "*":
            some: Iterable[tuple[str, int]] = ((text, n) for n, text in enumerate(f[number].split("~"), 1))
        elif type(which) is tuple:
            some = chosen(f, number, which)
        else:
            some = ((rep(f, number, which), which),)
        found += [(part(text, component, sub) if component or sub else text, (node, n)) for text, n in some]
    return found


def items(tree: Tree, name: str, number: int, more: tuple[tuple[str, int], ...] = ()) -> Sequence[Node]:
    """Return what a map is repeated for: the segments of a name, or the filled repetitions of one of their fields, or of several.

    Repetitions are made once for a message: what one map works out for them the next one knows.
    """
    if not number:
        return tree.nodes.get(name, ())
    found: list[Node] | None = tree.memo.get((name, number, more))
    if found is None:
        found = tree.memo[name, number, more] = []
        for place in (*more, (name, number)):
            found += _repetitions(tree, *place)
    return found


def texts(tree: Tree, places: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Return the filled repetitions of some fields as they were sent, each text once, in their order."""
    known: tuple[str, ...] | None = tree.memo.get(places)
    if known is None:
        found: dict[str, None] = {}
        all_ = tree.all
        for at, number in tree.shape.spots(places):
            f = all_[at].f
            if number < len(f) and (text := f[number]):
                if "~" not in text:
                    found[text] = None
                else:
                    found.update(dict.fromkeys(text.split("~")))
        found.pop("", None)
        found.pop(NULL, None)
        known = tree.memo[places] = tuple(found)
    return known


def _repetitions(tree: Tree, name: str, number: int) -> Iterator[Node]:
    for node in tree.nodes.get(name, ()):
        if number < len(node.f) and node.f[number]:
            for n, text in enumerate(node.f[number].split("~"), 1):
                if there(text):
                    yield item(node, number, text, n)


def index(tree: Tree, key: tuple[str, int, int]) -> dict[str, list[Node]]:
    """Return the segments of a name by the text of a field or component, made once for a message."""
    found: dict[str, list[Node]] | None = tree.memo.get(key)
    if found is None:
        name, number, component = key
        found = tree.memo[key] = {}
        for node in tree.nodes.get(name, ()):
            f = node.f
            text = f[number] if number < len(f) else ""
            if component > 1:
                text = word(f, number, component, 0)
            elif not text.isalnum():
                text = lead(text)
            if text in found:
                found[text].append(node)
            else:
                found[text] = [node]
    return found


def pinned(tree: Tree, key: tuple[str, int, int], values: tuple[str, ...]) -> Sequence[Node]:
    """Return the segments that have one of these texts at a place, in the order of the message."""
    known = index(tree, key)
    if len(values) == 1:
        return known.get(values[0], ())
    some = [node for value in values if value in known for node in known[value]]
    return some if len(some) <= 1 else sorted(some, key=attrgetter("i"))
