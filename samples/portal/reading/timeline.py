"""The time line: written reports, newest first, with a filter on period and a search in the texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from samples.portal.addresses import REPORT_TITLE, SNOMED
from samples.portal.reading.dutchtime import Moment, moment
from samples.portal.reading.people import Author, author_of
from samples.portal.reading.resources import Contents, Resource, codings, concept_text, dig, listed, text

REPORT: Final = (SNOMED, "11591000146107")
SOEP: Final = {
    "255362007": ("S", "Subjectief"),
    "260224007": ("O", "Objectief"),
    "129265001": ("E", "Evaluatie"),
    "129271007": ("P", "Plan"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One paragraph of a report; ``letter`` and ``name`` are empty in a report without SOEP lines."""

    letter: str = ""
    name: str = ""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report as the time line shows it."""

    id: str
    moment: Moment
    title: str
    author: Author
    lines: tuple[Line, ...]

    @property
    def words(self) -> str:
        """Return all that a search looks through."""
        return " ".join((self.title, str(self.author), *(line.text for line in self.lines)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a reader asked for; ``first`` and ``last`` are inclusive."""

    first: date | None = None
    last: date | None = None
    search: str = ""

    def admits(self, report: Report) -> bool:
        """Return whether a report lies in the period and holds every word."""
        day = report.moment.day
        if (self.first and day < self.first) or (self.last and day > self.last):
            return False
        words = folded(report.words)
        return all(word in words for word in self.words)

    @property
    def words(self) -> list[str]:
        """Return the words to look for, each folded."""
        return folded(self.search).split()


def reports(contents: Contents) -> list[Report]:
    """Return the reports in a compartment, newest first."""
    found = [*_plain(contents), *_soep(contents)]
    return sorted(found, key=lambda report: (report.moment.order, report.id), reverse=True)


def by_day(chosen: Iterable[Report]) -> list[tuple[date, list[Report]]]:
    """Return reports under their days, in the order given."""
    return [(day, list(group)) for day, group in groupby(chosen, key=lambda report: report.moment.day)]


def folded(words: str) -> str:
    """Return text for comparing: small letters without accents, one for each letter, so that positions stay."""
    return "".join(unicodedata.normalize("NFKD", letter)[0].lower()[:1] for letter in words)


def marked(words: str, searched: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text, each with whether it was searched for."""
    plain, hit = folded(words), [False] * len(words)
    for word in searched:
        start = plain.find(word)
        while start >= 0:
            hit[start : start + len(word)] = [True] * len(word)
            start = plain.find(word, start + len(word))
    for found, letters in groupby(zip(hit, words, strict=True), key=lambda pair: pair[0]):
        yield "".join(letter for _, letter in letters), found


def _plain(contents: Contents) -> Iterator[Report]:
    for item in contents.of("Observation"):
        at = moment(text(item, "effectiveDateTime"))
        if REPORT in codings(dig(item, "code")) and at is not None:
            yield Report(
                id=text(item, "id"),
                moment=at,
                title=_title(item) or "Rapportage",
                author=author_of(contents, _first(item, "performer")),
                lines=(Line(text=text(item, "valueString")),),
            )


def _soep(contents: Contents) -> Iterator[Report]:
    for item in contents.of("Composition"):
        at = moment(text(item, "date"))
        if at is not None:
            yield Report(
                id=text(item, "id"),
                moment=at,
                title=text(item, "title") or "SOEP-rapportage",
                author=author_of(contents, _first(item, "author")),
                lines=tuple(_lines(contents, item)),
            )


def _lines(contents: Contents, composition: Resource) -> Iterator[Line]:
    for section in listed(composition, "section"):
        code = next((code for _, code in codings(dig(section, "code")) if code in SOEP), "")
        letter, name = SOEP.get(code, ("", concept_text(dig(section, "code"))))
        for entry in listed(section, "entry"):
            words = text(contents.resolve(entry), "valueString")
            if words:  # a line that this reader may not see isn't in the compartment
                yield Line(letter=letter, name=name, text=words)


def _title(item: Resource) -> str:
    titles = (text(one, "valueString") for one in listed(item, "extension") if text(one, "url") == REPORT_TITLE)
    return next(titles, "")


def _first(item: Resource, name: str) -> object:
    return next(iter(listed(item, name)), None)
