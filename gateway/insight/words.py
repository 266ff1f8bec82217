"""What the classes of information are called, one and many, and how counts of them are told. No word here tells of a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from gateway.disclosure.reasons import Sentence

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
UNMAPPED: Final = "unmapped"
# class → ((one, many) in Dutch, (one, many) in English)
CLASS_WORDS: Final[Mapping[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    "calendar": (("afspraak", "afspraken"), ("appointment", "appointments")),
    "care-plan": (
        ("onderdeel van het zorgplan", "onderdelen van het zorgplan"),
        ("part of the care plan", "parts of the care plan"),
    ),
    "care-team": (("vertrouwensgroep", "vertrouwensgroepen"), ("trust group", "trust groups")),
    "directory": (
        ("gegeven over zorgverleners", "gegevens over zorgverleners"),
        ("entry on care workers", "entries on care workers"),
    ),
    "document": (("document", "documenten"), ("document", "documents")),
    "encounter": (("verblijf", "verblijven"), ("stay", "stays")),
    "measurement": (("meting", "metingen"), ("measurement", "measurements")),
    "medication": (("medicijn", "medicijnen"), ("medicine", "medicines")),
    "message": (("bericht", "berichten"), ("message", "messages")),
    "problem": (("probleem", "problemen"), ("problem", "problems")),
    "profile": (("persoonsgegeven", "persoonsgegevens"), ("personal record", "personal records")),
    "questionnaire": (("vragenlijst", "vragenlijsten"), ("questionnaire", "questionnaires")),
    "referral": (("verwijzing", "verwijzingen"), ("referral", "referrals")),
    "report": (("rapportage", "rapportages"), ("report", "reports")),
    UNMAPPED: (("stuk van onbekende soort", "stukken van onbekende soort"), ("item of unknown kind", "items of unknown kind")),
}
ITEM: Final = (("stuk", "stukken"), ("item", "items"))


def day(at: datetime) -> Sentence:
    """Say when, in Dutch time to the minute."""
    local = at.astimezone(AMSTERDAM)
    return Sentence(nl=f"{local:%d-%m-%Y om %H:%M}", en=f"{local:%Y-%m-%d at %H:%M}")


def counted(class_: str, count: int) -> Sentence:
    """Say how many of a class; a class of the organisation's own is called by its name."""
    dutch, english = CLASS_WORDS.get(class_, ((class_, class_), (class_, class_)))
    return Sentence(nl=f"{count} {dutch[count != 1]}", en=f"{count} {english[count != 1]}")


def items(count: int) -> Sentence:
    """Say how many items."""
    dutch, english = ITEM
    return Sentence(nl=f"{count} {dutch[count != 1]}", en=f"{count} {english[count != 1]}")


def listed(counts: Mapping[str, int]) -> Sentence:
    """Say how many of each class, the most first, between brackets; nothing when there are none."""
    ordered = sorted(((count, class_) for class_, count in counts.items() if count), key=lambda pair: (-pair[0], pair[1]))
    if not ordered:
        return Sentence(nl="", en="")
    parts = [counted(class_, count) for count, class_ in ordered]
    return Sentence(nl=f" ({', '.join(part.nl for part in parts)})", en=f" ({', '.join(part.en for part in parts)})")
