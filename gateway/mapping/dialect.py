"""The seam between the language and the format of a source: how a record is read and what a path in it means.

A dialect turns path texts into small pieces of Python that the generated maps are made of. JSON is in ``jsonpath.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class PathError(Exception):
    """A path or expression isn't written as it should be; the text says why."""


class UnreadableError(Exception):
    """The bytes of a record aren't in the format of this dialect."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """Python for one path.

    Of a path that gives one value: ``value`` is an expression for it, ``source`` one for its place in the record. Of a path that
    may give several: ``value`` is an expression for a list of (value, place), and ``source`` is empty.
    """

    value: str
    source: str
    many: bool


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
        """Return, for each repetition in the path, the Python arguments that list its items: what ``foreach`` loops over.

        Raises:
            PathError: the path doesn't end in a repetition.
        """


class Dialect(Protocol):
    """One format of records."""

    @property
    def name(self) -> str:
        """How the format is called."""

    @property
    def charset(self) -> str:
        """The one character set of its records."""

    def read(self, body: bytes) -> Any:
        """Return the outermost node of a record.

        Raises:
            UnreadableError: the bytes aren't a record.
        """

    def path(self, text: str) -> SourcePath:
        """Read a path.

        Raises:
            PathError: it isn't a path of this dialect.
        """

    def helpers(self) -> dict[str, Any]:
        """Return the functions that the emitted Python calls."""
