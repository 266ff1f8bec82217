"""Names, relations, and who did something on whose behalf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samples.portal.reading.resources import Contents, Resource, concept_text, dig, listed, text

# RelatieCodelijst (v3-RoleCode) and RolCodelijst (COD472) as families say them.
RELATIONS: Final = {
    "BRO": "broer", "BROINLAW": "zwager", "CHILD": "kind", "CHLDINLAW": "schoonkind", "COUSN": "neef of nicht",
    "DAU": "dochter", "DAUC": "dochter", "DAUINLAW": "schoondochter", "DOMPART": "partner", "FRND": "vriend(in)",
    "FTH": "vader", "FTHINLAW": "schoonvader", "GRNDCHILD": "kleinkind", "GRNDDAU": "kleindochter",
    "GRNDSON": "kleinzoon", "HUSB": "echtgenoot", "MTH": "moeder", "MTHINLAW": "schoonmoeder", "NBOR": "buur",
    "NEPHEW": "neef", "NIECE": "nicht", "ROOM": "huisgenoot", "SIB": "broer of zus", "SIS": "zus",
    "SISINLAW": "schoonzus", "SON": "zoon", "SONC": "zoon", "SONINLAW": "schoonzoon", "SPS": "echtgenoot",
    "WIFE": "echtgenote", "01": "eerste contactpersoon", "02": "tweede contactpersoon", "03": "curator",
    "04": "financieel gemachtigd", "05": "financieel toetser", "06": "leefeenheid", "07": "hulpverlener",
    "11": "voogd", "14": "bewindvoerder", "15": "mentor", "19": "buur", "20": "vriend(in)",
    "21": "cliëntondersteuner", "23": "contactpersoon", "24": "wettelijk vertegenwoordiger", "100001": "mantelzorger",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who, in which function, for which organisation; each may be empty."""

    name: str = ""
    function: str = ""
    organisation: str = ""

    def __str__(self) -> str:
        """Return one line."""
        return ", ".join(filter(None, (self.name, self.function, self.organisation)))


def human_name(resource: Resource | None) -> str:
    """Return the name that people use: the called name with the family name, else the official one; empty if none."""
    names = listed(resource, "name")
    called = next((text(name, "given") or _given(name) for name in names if text(name, "use") == "usual"), "")
    official: Resource = next((name for name in names if text(name, "use") != "usual"), {})
    family = text(official, "family")
    if called and family:
        return f"{called} {family}"
    return text(official, "text") or " ".join(filter(None, (_given(official), family))) or called


def relation(person: Resource | None) -> str:
    """Return ``dochter, eerste contactpersoon``."""
    found = dict.fromkeys(_relation(concept) for concept in listed(person, "relationship"))
    return ", ".join(filter(None, found))


def author_of(contents: Contents, reference: object) -> Author:
    """Return who a reference names: a role, a person or an organisation; else what its display says."""
    found = contents.resolve(reference)
    kind = text(found, "resourceType")
    if kind == "Organization":
        return Author(organisation=text(found, "name"))
    if kind == "PractitionerRole":
        return _in_role(contents, found)
    return Author(name=human_name(found) or text(reference, "display"))


def _in_role(contents: Contents, role: Resource | None) -> Author:
    person, organisation = dig(role, "practitioner"), dig(role, "organization")
    functions = (concept_text(concept) for concept in [*listed(role, "code"), *listed(role, "specialty")])
    return Author(
        name=human_name(contents.resolve(person)) or text(person, "display"),
        function=next(filter(None, functions), ""),
        organisation=text(contents.resolve(organisation), "name") or text(organisation, "display"),
    )


def _given(name: Resource) -> str:
    given = [part for part in listed(name, "given") if isinstance(part, str)]
    initials = all(part.endswith(".") for part in given)
    return ("" if initials else " ").join(given)


def _relation(concept: Resource) -> str:
    codes = (RELATIONS.get(text(coding, "code"), "") for coding in listed(concept, "coding"))
    return next(filter(None, codes), "") or concept_text(concept)
