"""Texts with ``{path}`` placeholders: keys of resources and disclosure classes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.mapping.dialect import Dialect, PathError, SourcePath

_HOLE = re.compile(r"\{([^{}]*)\}")
_ASKED = re.compile(r"(.*\S)\s+as\s+([a-z][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder: the value of a path, or what a converter makes of it."""

    path: SourcePath
    converter: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A text in pieces: a str stands for itself, a hole for its value, ``None`` for the value of the row (``{}``)."""

    pieces: tuple[str | Hole | None, ...]

    @property
    def holes(self) -> list[Hole]:
        """The placeholders."""
        return [piece for piece in self.pieces if isinstance(piece, Hole)]

    @property
    def paths(self) -> list[SourcePath]:
        """The paths of the placeholders."""
        return [hole.path for hole in self.holes]

    @property
    def text(self) -> str:
        """The template as it is written, as far as it matters."""
        return "".join(
            piece if isinstance(piece, str) else "{}" if piece is None else f"{{{piece.path.text} as {piece.converter}}}"
            for piece in self.pieces
        )

    @property
    def shape(self) -> str:
        """The text with its holes left open: what a reference and the key that it points to have in common."""
        return "".join(piece if isinstance(piece, str) else "{}" for piece in self.pieces)


def parse(text: str, dialect: Dialect, *, row_value: bool = False) -> Template:
    """Read a text with placeholders.

    Raises:
        PathError: a placeholder isn't a path, or braces don't match.
    """
    pieces: list[str | Hole | None] = []
    position = 0
    for hole in _HOLE.finditer(text):
        pieces += [text[position : hole.start()]] if hole.start() > position else []
        if not hole[1] and not row_value:
            raise PathError(f"{text}: a path is missing between the braces")
        pieces.append(_hole(hole[1], dialect) if hole[1] else None)
        position = hole.end()
    pieces += [text[position:]] if position < len(text) else []
    if any(isinstance(piece, str) and ("{" in piece or "}" in piece) for piece in pieces):
        raise PathError(f"{text}: braces don't match")
    return Template(tuple(pieces))


def _hole(text: str, dialect: Dialect) -> Hole:
    asked = _ASKED.fullmatch(text)
    return Hole(dialect.path(text)) if asked is None else Hole(dialect.path(asked[1]), asked[2])


def parse_key(parts: list[str], dialect: Dialect, *, row_value: bool = False) -> list[Template]:
    """Read the parts of a key.

    Raises:
        PathError: one of them isn't right.
    """
    return [parse(part, dialect, row_value=row_value) for part in parts]


def shape(parts: list[Template]) -> tuple[str, ...]:
    """Return what two keys of the same making have in common."""
    return tuple(part.shape for part in parts)
