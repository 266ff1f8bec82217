"""Messages of the care organisation, newest first; a short note to everybody among them is a notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from samples.portal.addresses import COMMUNICATION_CATEGORY
from samples.portal.reading.dutchtime import Moment, moment
from samples.portal.reading.people import Author, author_of
from samples.portal.reading.resources import Contents, Resource, codings, concept_text, dig, listed, text
from samples.portal.reading.rights import audiences_of

NOTICE: Final = (COMMUNICATION_CATEGORY, "notification")
UNSEEN: Final = frozenset({"preparation", "not-done", "entered-in-error"})
# audience → whom that is, as the pages say it
READERS: Final = {
    "circle": "alle mantelzorgers",
    "trust-group": "de vertrouwensgroep",
    "provider-and-trust-group": "de zorgaanbieder en de vertrouwensgroep",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message; ``readers`` says for whom it is, ``author`` and ``subject`` may be empty."""

    id: str
    moment: Moment
    subject: str
    words: str
    author: Author
    readers: str
    notice: bool
    organisation: str


def letters(contents: Contents) -> list[Letter]:
    """Return the messages in a compartment, newest first."""
    return latest_first(one for item in contents.of("Communication") if (one := _letter(contents, item)) is not None)


def latest_first(found: Iterable[Letter]) -> list[Letter]:
    """Return them newest first; what was sent at the same moment keeps one order."""
    return sorted(found, key=lambda letter: (letter.moment.order, letter.id), reverse=True)


def _letter(contents: Contents, item: Resource) -> Letter | None:
    at = moment(text(item, "sent"))
    if at is None or text(item, "status") in UNSEEN:
        return None
    return Letter(
        id=text(item, "id"),
        moment=at,
        subject=concept_text(dig(item, "topic")),
        words="\n".join(filter(None, (text(part, "contentString") for part in listed(item, "payload")))),
        author=author_of(contents, dig(item, "sender")),
        readers=next((READERS[code] for code in sorted(audiences_of(item)) if code in READERS), ""),
        notice=any(NOTICE in codings(category) for category in listed(item, "category")),
        organisation=contents.organisation,
    )
