"""Texts with ``{path}`` placeholders: keys of resources and disclosure classes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.mapping.dialect import Dialect, PathError, SourcePath

_HOLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text in pieces: a str stands for itself, a path for its value, ``None`` for the value of the row (``{}``)."""

    pieces: tuple[str | SourcePath | None, ...]

    @property
    def paths(self) -> list[SourcePath]:
        """The placeholders."""
        return [piece for piece in self.pieces if piece is not None and not isinstance(piece, str)]

    @property
    def shape(self) -> str:
        """The text with its holes left open: what a reference and the key that it points to have in common."""
        return "".join(piece if isinstance(piece, str) else "{}" for piece in self.pieces)


def parse(text: str, dialect: Dialect, *, row_value: bool = False) -> Template:
    """Read a text with placeholders.

    Raises:
        PathError: a placeholder isn't a path, or braces don't match.
    """
    pieces: list[str | SourcePath | None] = []
    position = 0
    for hole in _HOLE.finditer(text):
        pieces += [text[position : hole.start()]] if hole.start() > position else []
        if not hole[1] and not row_value:
            raise PathError(f"{text}: a path is missing between the braces")
        pieces.append(dialect.path(hole[1]) if hole[1] else None)
        position = hole.end()
    pieces += [text[position:]] if position < len(text) else []
    if any(isinstance(piece, str) and ("{" in piece or "}" in piece) for piece in pieces):
        raise PathError(f"{text}: braces don't match")
    return Template(tuple(pieces))


def parse_key(parts: list[str], dialect: Dialect, *, row_value: bool = False) -> list[Template]:
    """Read the parts of a key.

    Raises:
        PathError: one of them isn't right.
    """
    return [parse(part, dialect, row_value=row_value) for part in parts]


def shape(parts: list[Template]) -> tuple[str, ...]:
    """Return what two keys of the same making have in common."""
    return tuple(part.shape for part in parts)
