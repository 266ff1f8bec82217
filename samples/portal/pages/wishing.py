"""The levels and kinds of data of the administrator's forms, as they are said and as the gateway takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from samples.portal.errors import Unclear
from samples.portal.pages.signedin import Form
from samples.portal.providers import Right, Wish

LEVELS: Final = {"none": "Niets", "basic": "Basis", "private-medical": "Vertrouwensgroep"}
CLASSES: Final = {
    "calendar": "Afspraken",
    "report": "Rapportages",
    "measurement": "Metingen",
    "care-plan": "Zorgplan",
    "questionnaire": "Vragenlijsten",
    "problem": "Aandoeningen",
    "medication": "Medicatie",
    "document": "Documenten",
    "encounter": "Opnames",
    "referral": "Verwijzingen",
    "message": "Berichten",
    "care-team": "Wie mag wat zien",
    "profile": "Persoonsgegevens",
    "directory": "Namen van zorgverleners",
}
# These come with every right.
ALWAYS: Final = frozenset({"care-team", "profile", "directory"})
KIND: Final = "soort-"
NO_LEVEL: Final = "Kies een recht."
NO_KIND: Final = "Kies minstens één soort gegevens, of haal de beperking weg."


def class_name(of: str) -> str:
    """Return how a kind of data is called."""
    return CLASSES.get(of, "Overige gegevens")


def class_rank(of: str) -> tuple[bool, int, str]:
    """Return a sort key: the kinds that people know first, in the order in which the pages show them."""
    known = [*CLASSES]
    return of not in CLASSES, known.index(of) if of in CLASSES else 0, of


def offered(known: Sequence[str]) -> dict[str, str]:
    """Return the kinds that a right can be narrowed to, of those that an organisation knows, with their names."""
    return {name: class_name(name) for name in (*CLASSES, *known) if name in known and name not in ALWAYS}


def wish_of(form: Form) -> Wish:
    """Return the rights that a form asks for.

    Raises:
        Unclear: it asks for no level, or for a part of the dossier without any.
    """
    level = form.get("niveau", "")
    if level not in LEVELS:
        raise Unclear(NO_LEVEL)
    ticked = [name.removeprefix(KIND) for name in form if name.startswith(KIND)]
    narrowed = level == "private-medical" and "deel" in form
    if narrowed and not ticked:
        raise Unclear(NO_KIND)
    return Wish(level=level, classes=ticked if narrowed else None)


def wish_in_words(level: str, classes: Sequence[str] | None) -> str:
    """Return ``Vertrouwensgroep, alleen metingen en zorgplan``."""
    words = LEVELS.get(level, level)
    if classes is None:
        return words
    if not classes:
        return f"{words}, maar geen soort gegevens"
    names = [class_name(one).lower() for one in classes]
    listed = " en ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    return f"{words}, alleen {listed}"


def right_in_words(right: Right) -> str:
    """Return somebody's rights as they are now."""
    return wish_in_words(right.level, right.classes)
