"""``when``, ``unless`` and selectors: ``path``, ``path = value``, ``path in A B``, ``path valued``, and, or, not, parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.mapping.dialect import Dialect, Emitted, PathError, SourcePath

_TOKEN = re.compile(
    r"""\s*(?:([()])|("[^"]*")(?![.\[])|(=)|((?:"[^"]*"(?=[.\[])|(?<=\.)"[^"]*"|[^\s()="\[\]]|\[[^\]]*\])+))""",
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
WORDS = frozenset({"and", "or", "not", "in", "valued", "as"})


@dataclass(frozen=True, slots=True)
class Test:
    """One question about one path. ``values`` empty: whether it holds; ``valued``: whether there is any value.

    With a ``converter`` the question is about what that makes of the value (nothing, when it refuses it).
    """

    __test__ = False  # not a class of pytest's

    path: SourcePath
    values: frozenset[str] = frozenset()
    valued: bool = False
    converter: str = ""


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    one: Expression


@dataclass(frozen=True, slots=True)
class Joined:
    """``and`` or ``or`` over two or more."""

    word: str
    parts: tuple[Expression, ...]


Expression = Test | Not | Joined


class _Parser:
    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Iterator[str]:
        position = 0
        while self.text[position:].strip():
            found = _TOKEN.match(self.text, position)
            if found is None:
                raise PathError(f"{self.text}: not understood from {self.text[position:].strip()!r}")
            yield found[0].strip()
            position = found.end()

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def whole(self) -> Expression:
        found = self.joined("or")
        if self.peek():
            raise PathError(f"{self.text}: not understood from {self.peek()!r}")
        return found

    def joined(self, word: str) -> Expression:
        below: Callable[[], Expression] = partial(self.joined, "and") if word == "or" else self.negated
        parts = [below()]
        while self.peek() == word:
            self.take()
            parts.append(below())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def negated(self) -> Expression:
        if self.peek() == "not":
            self.take()
            return Not(self.negated())
        if self.peek() == "(":
            self.take()
            inner = self.joined("or")
            if self.take() != ")":
                raise PathError(f"{self.text}: a closing parenthesis is missing")
            return inner
        return self.test()

    def test(self) -> Expression:
        token = self.take()
        if token in WORDS or token in ("", ")", "="):
            raise PathError(f"{self.text}: a path is expected at {token!r}")
        path = self.dialect.path(token)
        converter = ""
        if self.peek() == "as":
            self.take()
            converter = self.take()
            if not _NAME.fullmatch(converter):
                raise PathError(f"{self.text}: a converter is expected after 'as'")
        word = self.peek()
        if word == "valued":
            self.take()
            return Test(path, valued=True, converter=converter)
        if word in ("=", "in"):
            self.take()
            return Test(path, frozenset(self.values(several=word == "in")), converter=converter)
        return Test(path, converter=converter)

    def values(self, *, several: bool) -> list[str]:
        found: list[str] = []
        while self.peek() and self.peek() not in WORDS and self.peek() not in "()=":
            token = self.take()
            found.append(token[1:-1] if token.startswith('"') else token)
            if not several:
                break
        if not found:
            raise PathError(f"{self.text}: a value is expected at {self.peek()!r}")
        return found


def parse(text: str, dialect: Dialect) -> Expression:
    """Read an expression.

    Raises:
        PathError: it isn't one.
    """
    return _Parser(text, dialect).whole()


Use = Callable[[Emitted, str], str]


def emit(expression: Expression, depth: int, use: Use, *, local: bool = False) -> str:
    """Return the Python for an expression; ``use`` sees to the variables that a path needs and returns what is to be written.

    ``local``: it stands in a function that has ``ready``, in no comprehension.
    """
    if isinstance(expression, Not):
        return f"not ({emit(expression.one, depth, use, local=local)})"
    if isinstance(expression, Joined):
        parts = (emit(part, depth, use, local=local) for part in expression.parts)
        return "(" + f" {expression.word} ".join(parts) + ")"
    path = expression.path.emit(depth)
    if path.many:
        one = Emitted("v", "", many=False)
        return use(path, f"any({_ask(expression, one, depth, local=False)} for v, _ in {path.value})")
    return use(path, _ask(expression, path, depth, local=local))


def converters(expression: Expression | None) -> Iterator[str]:
    """Yield the converters that an expression asks."""
    if isinstance(expression, Not):
        yield from converters(expression.one)
    elif isinstance(expression, Joined):
        for part in expression.parts:
            yield from converters(part)
    elif expression is not None:
        yield from (name for name in (expression.converter,) if name)
        yield from converters(expression.path.asks())


def paths(expression: Expression | None) -> Iterator[SourcePath]:
    """Yield the paths whose text an expression asks for."""
    if isinstance(expression, Not):
        yield from paths(expression.one)
    elif isinstance(expression, Joined):
        for part in expression.parts:
            yield from paths(part)
    elif expression is not None:
        yield expression.path


def bare(path: Emitted, value: str) -> str:  # noqa: ARG001 - a use
    """Return an expression as it is: for checks, and for paths without variables."""
    return value


def _ask(test: Test, path: Emitted, depth: int, *, local: bool) -> str:
    value, text, there = path.value, (path.quick if local else "") or path.text or f"text_of({path.value})", path.there
    if test.converter:
        value = asking(test.converter, test.path, path, depth, local=local)
        text, there = f"text_of({value})", f"{value} is not None"
    if test.valued:
        return there or f"valued({value})"
    if not test.values:
        return there or f"holds({value})"
    if len(test.values) == 1:
        return f"{text} == {next(iter(test.values))!r}"
    return f"{text} in {{{', '.join(repr(one) for one in sorted(test.values))}}}"


def asking(converter: str, path: SourcePath, emitted: Emitted, depth: int, *, local: bool = True) -> str:
    """Return the Python that asks a converter about a path; about one part of a record, or one text, it is asked once."""
    asked = f"asked(ask_{converter}, {emitted.value}, run, n{depth}, FACTS"
    if not (local and emitted.node):
        return f"{asked})"
    place = f"({converter!r}, {f'{emitted.node}.i' if path.whole else emitted.value})"
    return f"(t if (t := ready.get({place}, MISS)) is not MISS else {asked}, {place}))"


def asked_of_part(condition: Expression, depth: int, use: Use) -> str | None:
    """Return the Python of the question that a condition is, when it is nothing else than whether a converter answers; else ``None``."""
    if not isinstance(condition, Test) or not condition.converter or condition.values:
        return None
    path = condition.path.emit(depth)
    return use(path, asking(condition.converter, condition.path, path, depth)) if path.node and not path.many else None


def valued(value: Any) -> bool:
    """Whether there is a value: not missing, not empty."""
    return bool(value or value == 0)


def holds(value: Any) -> bool:
    """Whether there is a value other than false."""
    return value is not False and valued(value)


def terms(expression: Expression | None) -> Iterator[Expression]:
    """Yield what must hold for the whole to hold."""
    if isinstance(expression, Joined) and expression.word == "and":
        for part in expression.parts:
            yield from terms(part)
    elif expression is not None:
        yield expression


def constants(expression: Expression | None) -> dict[str, frozenset[str]]:
    """Return, for each path that a selector pins down, the values it may have."""
    found: dict[str, frozenset[str]] = {}
    for term in terms(expression):
        if isinstance(term, Test) and term.values and not term.converter:
            found[term.path.text] = found.get(term.path.text, term.values) & term.values
    return found


def disjoint(one: Expression | None, other: Expression | None) -> bool:
    """Whether two selectors are seen never to hold together (not seen: they may)."""
    left, right = constants(one), constants(other)
    if any(not left[path] & right[path] for path in left.keys() & right.keys()):
        return True
    ours, theirs = list(terms(one)), list(terms(other))
    return any(_opposite(a, b) for a in ours for b in theirs)


def _opposite(one: Expression, other: Expression) -> bool:
    if isinstance(one, Not) and isinstance(other, Not):
        return False
    if isinstance(one, Not):
        return _implies(other, one.one)
    return isinstance(other, Not) and _implies(one, other.one)


def _implies(one: Expression, other: Expression) -> bool:
    """Whether ``one`` is seen to make ``other`` hold: the same question, or a narrower one about the same values."""
    if one == other:
        return True
    if (
        not (isinstance(one, Test) and isinstance(other, Test))
        or (one.path.text, one.converter) != (other.path.text, other.converter)
        or not one.values
    ):
        return False
    return other.valued or (bool(other.values) and one.values <= other.values)
