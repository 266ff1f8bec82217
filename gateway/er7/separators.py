"""The five characters that divide a message (MSH-1, MSH-2), and text with others brought to the usual ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property

from gateway.er7.note import Note, NotHL7

USUAL = "|^~\\&"
# In the order of USUAL, with the truncation character of 2.7 as the sixth.
ESCAPES = "FSRETP"
OVER_ESCAPED = re.compile(r"\\\\([FSTREPHN]|\.[a-z]{2}[ +-]{0,2}\d*|X[0-9A-Fa-f]+)\\\\")
# Published as an example with a typo, and copied since: nobody means the underscore.
UNDERSCORE = "^_\\&"


@dataclass(frozen=True)
class Separators:
    """The separators of one message, as text of five characters: field, component, repetition, escape, sub-component."""

    characters: str
    over_escaped: bool = False

    @property
    def field(self) -> str:
        """MSH-1."""
        return self.characters[0]

    @property
    def encoding(self) -> str:
        """MSH-2 without a truncation character."""
        return self.characters[1:]

    def normalise(self, raw: str) -> str:
        """Return text of this message with the usual separators; a usual one that was plain text here becomes its escape."""
        if self.over_escaped:
            return OVER_ESCAPED.sub(r"\\\1\\", raw)
        if self.characters == USUAL:
            return raw
        return self._pattern.sub(self._usual, raw)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        escape, every = re.escape(self.characters[3]), re.escape(self.characters + USUAL)
        return re.compile(rf"{escape}([^{re.escape(self.characters)}\r\n]*){escape}|[{every}]")

    def _usual(self, found: re.Match[str]) -> str:
        """Return one separator, literal or escape of this message in the usual characters."""
        inside = found[1]
        if inside is None:
            place = self.characters.find(found[0])
            return USUAL[place] if place >= 0 else _literal(found[0])
        if len(inside) == 1 and inside in ESCAPES[:5]:
            return _literal(self.characters[ESCAPES.index(inside)])
        return "\\" + "".join(map(_literal, inside)) + "\\"


def _literal(character: str) -> str:
    place = USUAL.find(character)
    return character if place < 0 else f"\\{ESCAPES[place]}\\"


STANDARD = Separators(USUAL)


@cache
def _over_escaped() -> Separators:
    return Separators(USUAL, over_escaped=True)


def read_separators(text: str, at: int) -> tuple[Separators, tuple[Note, ...]]:
    """Read MSH-1 and MSH-2 of the MSH segment that begins at ``at``.

    Raises:
        NotHL7: MSH-2 holds letters, digits or blanks, or one character serves twice.
    """
    field = text[at + 3]
    declared = re.split(r"[\r\n]", text[at + 4 : at + 24], maxsplit=1)[0].partition(field)[0]
    if field == USUAL[0] and declared in (USUAL[1:], USUAL[1:] + "#"):
        return STANDARD, ()
    if field == USUAL[0] and declared == "^~\\\\&":
        return _over_escaped(), (_note("its backslash doubled"),)
    if field == USUAL[0] and declared == UNDERSCORE:
        return STANDARD, (_note("an underscore for the repetition separator, which was read as ~"),)
    if len(declared) > 5 or any(one.isalnum() or one in " \t" for one in declared):
        raise NotHL7("MSH-2 does not hold the encoding characters")
    characters = field + declared[:4] + USUAL[len(declared[:4]) + 1 :]
    if len(set(characters)) < len(USUAL):
        raise NotHL7("MSH-1 and MSH-2 use one character for two purposes")
    return Separators(characters), () if len(declared) > 3 else (
        _note("too few characters; the usual ones were taken for the rest"),
    )


def _note(what: str) -> Note:
    return Note("structure", 0, f"MSH-2 has {what}")
