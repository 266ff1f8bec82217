"""The time line: reports, questionnaires and care plans, newest first, with a filter on period and a search in the texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Final

from samples.portal.addresses import REPORT_TITLE, SNOMED
from samples.portal.reading.dutchtime import Moment, moment
from samples.portal.reading.people import Author, author_of
from samples.portal.reading.resources import Contents, Resource, codings, concept_text, dig, listed, text

REPORT: Final = (SNOMED, "11591000146107")
UNSEEN: Final = frozenset({"draft", "entered-in-error"})
SOEP: Final = {
    "255362007": ("S", "Subjectief"),
    "260224007": ("O", "Objectief"),
    "129265001": ("E", "Evaluatie"),
    "129271007": ("P", "Plan"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One paragraph: of SOEP lines with ``letter`` and ``name``, of questionnaires with the question as ``name``; else both are empty."""

    letter: str = ""
    name: str = ""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report, questionnaire or plan as the time line shows it; ``organisation`` is whose lane it came by."""

    id: str
    moment: Moment
    title: str
    author: Author
    lines: tuple[Line, ...]
    organisation: str = ""

    @property
    def order(self) -> tuple[date, bool, datetime, str]:
        """Return a sort key."""
        return *self.moment.order, self.id

    @property
    def words(self) -> str:
        """Return all that a search looks through."""
        lines = (f"{line.name} {line.text}" for line in self.lines)
        return " ".join((self.title, str(self.author), self.organisation, *lines))


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
    return newest_first([*_plain(contents), *_soep(contents)])


def events(contents: Contents) -> list[Report]:
    """Return all that the time line holds: reports, questionnaires that were filled in, and plans that were drawn up, newest first."""
    return newest_first([*reports(contents), *_questionnaires(contents), *_plans(contents)])


def newest_first(found: Iterable[Report]) -> list[Report]:
    """Return them in the order of the time line."""
    return sorted(found, key=lambda report: report.order, reverse=True)


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
                organisation=contents.organisation,
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
                organisation=contents.organisation,
            )


def _lines(contents: Contents, composition: Resource) -> Iterator[Line]:
    for section in listed(composition, "section"):
        code = next((code for _, code in codings(dig(section, "code")) if code in SOEP), "")
        letter, name = SOEP.get(code, ("", concept_text(dig(section, "code"))))
        for entry in listed(section, "entry"):
            words = text(contents.resolve(entry), "valueString")
            if words:  # a line that this reader may not see isn't in the compartment
                yield Line(letter=letter, name=name, text=words)


def _questionnaires(contents: Contents) -> Iterator[Report]:
    for item in contents.of("QuestionnaireResponse"):
        at = moment(text(item, "authored"))
        if at is not None and text(item, "status") in ("completed", "amended"):
            yield Report(
                id=text(item, "id"),
                moment=at,
                title=text(item, "_questionnaire", "extension", "valueString") or "Vragenlijst",
                author=author_of(contents, dig(item, "author")),
                lines=tuple(_answers(listed(item, "item"))),
                organisation=contents.organisation,
            )


def _answers(items: list[Resource]) -> Iterator[Line]:
    """Yield a line a question, groups and their sub-questions in the order asked."""
    for item in items:
        given = [said for answer in listed(item, "answer") if (said := _said(answer))]
        if given:
            yield Line(name=text(item, "text"), text=", ".join(given))
        yield from _answers(listed(item, "item"))


def _said(answer: Resource) -> str:
    """Return an answer in words, whatever its type."""
    for name, value in answer.items():
        if isinstance(value, bool):
            return "ja" if value else "nee"
        if name == "valueQuantity":
            return " ".join(filter(None, (str(dig(value, "value")).replace(".", ","), text(value, "unit"))))
        if name.startswith("value"):
            return text(value, "display") or text(value, "code") or str(moment(str(value)) or value)
    return ""


def _plans(contents: Contents) -> Iterator[Report]:
    for item in contents.of("CarePlan"):
        at = moment(text(item, "created") or text(item, "period", "start"))
        if at is not None and not listed(item, "partOf") and text(item, "status") not in UNSEEN:
            yield Report(
                id=text(item, "id"),
                moment=at,
                title="Zorgplan",
                author=author_of(contents, dig(item, "author")),
                lines=(Line(text=f"{text(item, 'title') or 'Zorgleefplan'} vastgesteld."),),
                organisation=contents.organisation,
            )


def _title(item: Resource) -> str:
    titles = (text(one, "valueString") for one in listed(item, "extension") if text(one, "url") == REPORT_TITLE)
    return next(titles, "")


def _first(item: Resource, name: str) -> object:
    return next(iter(listed(item, name)), None)
