"""The seam between the language and the format of a source: how a record is read and what a path in it means.

A dialect turns path texts into small pieces of Python that the generated maps are made of. JSON is in ``jsonpath.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol


class PathError(Exception):
    """A path or expression isn't written as it should be; the text says why."""


class UnreadableError(Exception):
    """The bytes of a record aren't in the format of this dialect."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """Python for one path.

    Of a path that gives one value: ``value`` is an expression for it, ``source`` one for its place in the record. Of a path that
    may give several: ``value`` is an expression for a list of (value, place), and ``source`` is empty. ``setup`` are variables that
    both may use, with the expressions for them, each in terms of those before it; ``node`` is the one that says of which part of the
    record the value is. ``text`` and ``there`` are expressions for the value's text and for whether it is there, where the dialect
    has shorter ones than the general. ``values`` says that a list holds only what is there; ``cut`` is what remains to be done to a
    value ``v`` that is there; ``null`` asks whether the record says that there are no values now. ``field`` is an expression for a field
    as it was sent, that may be asked for where ``has`` holds; the values are its repetitions, or with ``component`` the first component
    of the first. ``quick`` is ``text`` for where a variable ``u`` can be written.
    """

    value: str
    source: str
    many: bool
    setup: tuple[tuple[str, str], ...] = ()
    node: str = ""
    text: str = ""
    there: str = ""
    values: bool = False
    cut: str = ""
    null: str = ""
    has: str = ""
    field: str = ""
    quick: str = ""
    component: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """What is fixed of the place that a path reads, where the dialect needs it to write the place down."""

    segment: str = ""
    number: int = 0
    component: int = 0
    sub: int = 0


NOWHERE: Final = Located()
Locator = Callable[[Any, Located, str], tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class Pin:
    """What a record must hold for a map to have items: one of ``names``; where ``key`` is set, an item with one of ``values`` there."""

    names: tuple[str, ...]
    key: tuple[str, int, int] | None = None
    values: tuple[str, ...] = ()


class SourcePath(Protocol):
    """A path that was read and found right."""

    @property
    def text(self) -> str:
        """The path as it is written."""

    def emit(self, depth: int) -> Emitted:
        """Return the Python for it, in a map whose innermost node is ``n{depth}`` with place ``w{depth}``.

        Raises:
            PathError: it goes further out than there are nodes.
        """

    def levels(self) -> list[str]:
        """Return, for each repetition in the path, the head of a loop over its items, with the level as ``<at>`` and ``<up>``.

        Raises:
            PathError: the path doesn't end in a repetition.
        """

    @property
    def whole(self) -> bool:
        """Whether it means a part of the record with everything in it, which only converters can read."""

    def itself(self, depth: int) -> tuple[str, str]:
        """Return the Python that finds, from an item of ``foreach``, nothing else than the item, and the item; both empty for none."""

    def pin(self) -> Pin | None:
        """Return what a record must hold for ``foreach`` to have items, as far as an index of the record tells."""

    def asks(self) -> Any:
        """Return the expression that an item of ``foreach`` must fulfil, ``None`` without one."""

    def remains(self) -> Any:
        """Return the part of that expression that the loops of ``levels`` don't see to, ``None`` for nothing."""

    @property
    def own(self) -> bool:
        """Whether it reads nothing but the text of the item."""

    def places(self) -> tuple[tuple[str, int], ...]:
        """Return the fields whose values are the items of ``foreach``, none where items are more than a value."""

    def located(self) -> Located:
        """Return what is fixed of the place that it reads."""


class Dialect(Protocol):
    """One format of records."""

    @property
    def name(self) -> str:
        """How the format is called."""

    @property
    def charset(self) -> str | None:
        """The one character set of its records, ``None`` where each says its own."""

    def read(self, body: bytes) -> Any:
        """Return the outermost node of a record.

        Raises:
            UnreadableError: the bytes aren't a record.
        """

    @property
    def trigger(self) -> str:
        """The path whose value chooses among the maps of a kind, empty where there is none."""

    def triggered(self, node: Any) -> str:
        """Return that value of a record."""

    def index(self, node: Any, key: tuple[str, int, int]) -> Mapping[str, Any]:
        """Return the parts of a record by the value that they have at a place."""

    def shape(self, node: Any) -> tuple[str, ...]:
        """Return the names of the parts that a record has."""

    @property
    def remembers(self) -> bool:
        """Whether values are texts as they were sent, by which their meaning can be kept for other records."""

    def sender(self, node: Any) -> tuple[str, ...]:
        """Return how the sender of a record calls itself, as it is written there."""

    def texts(self, node: Any, places: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
        """Return the values of some fields of a record as they were sent, each once."""

    def close(self, node: Any) -> None:
        """Let go of a record that was mapped, so that nothing of it waits for the garbage collector."""

    def path(self, text: str) -> SourcePath:
        """Read a path.

        Raises:
            PathError: it isn't a path of this dialect.
        """

    def notes(self, node: Any) -> Sequence[Any]:
        """Return what was wrong with a record that could be read all the same: (code, reason) of each."""

    def place(self, place: Any, at: Located, part: str) -> str:
        """Return a place, or a part of it, as people write it."""

    def locator(self, body: bytes) -> Locator:
        """Return what says where in the bytes of a record a place, or a part of it, is: ``None`` where the format doesn't tell."""

    def sought(self, name: str, expression: str) -> str:
        """Return the Python of the number of the part from which another is looked for by a condition, empty where nothing is sought.

        ``name`` and ``expression`` are those of a variable of ``Emitted.setup``.
        """

    def start(self, level: int) -> str:
        """Return the Python that makes a node ready to be read, empty for none."""

    @property
    def item(self) -> str:
        """The variables of a loop in ``levels``."""

    @property
    def reads(self) -> str:
        """The function that makes of a value what converters read that don't know the format, empty where that is the value."""

    @property
    def filled(self) -> str:
        """The Python that asks whether the value ``v`` is there."""

    @property
    def null(self) -> str:
        """The Python of the value that says that a field is empty now, empty where a format has none."""

    def helpers(self) -> Mapping[str, Any]:
        """Return the functions that the emitted Python calls."""
