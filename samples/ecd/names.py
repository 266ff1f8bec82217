"""Dutch names: voorletters, roepnaam, voorvoegsel, and which of two family names is used in which order."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from samples.ecd.chance import one

#: Given names in the register and the name that people say, for those born before 1960.
OLD_WOMEN = (
    ("Johanna", "Annie"), ("Maria", "Riet"), ("Cornelia", "Corrie"), ("Wilhelmina", "Willy"), ("Hendrika",
    "Riek"),
    ("Elisabeth", "Bep"), ("Geertruida", "Truus"), ("Catharina", "Toos"), ("Antonia", "Tonnie"), ("Jantje",
    "Jantje"),
    ("Aleida", "Leida"), ("Petronella", "Nel"), ("Adriana", "Jaan"), ("Theodora", "Dora"), ("Berendina",
    "Dina"),
    ("Grietje", "Gré"), ("Margaretha", "Greet"), ("Francisca", "Sien"), ("Helena", "Leni"), ("Josephina",
    "Fien"),
    ("Trijntje", "Tine"), ("Gerarda", "Gerda"), ("Fatma", "Fatma"), ("Soerjati", "Soer"), ("Zeynep",
    "Zeynep"),
)  # fmt: skip
OLD_MEN = (
    ("Johannes", "Jan"), ("Hendrik", "Henk"), ("Gerrit", "Gerrit"), ("Wilhelmus", "Wim"), ("Cornelis",
    "Cor"),
    ("Antonius", "Toon"), ("Petrus", "Piet"), ("Jacobus", "Koos"), ("Theodorus", "Theo"), ("Bernardus",
    "Ben"),
    ("Franciscus", "Frans"), ("Albertus", "Bertus"), ("Adrianus", "Adrie"), ("Egbert", "Egbert"),
    ("Lambertus", "Bert"),
    ("Derk", "Derk"), ("Marinus", "Rinus"), ("Leendert", "Leen"), ("Mehmet", "Mehmet"), ("Rachid",
    "Rachid"),
)  # fmt: skip
YOUNG_WOMEN = (
    "Marijke", "Ingrid", "Anja", "Petra", "Karin", "Monique", "Esther", "Ilse", "Fleur", "Sanne", "Lotte",
    "Naomi", "Fatima",
    "Samira", "Elif", "Anouk", "Judith", "Renée", "Chantal", "Mirjam", "Yvonne", "Hanneke", "Loes",
    "Femke", "Priya",
)  # fmt: skip
YOUNG_MEN = (
    "Erik", "Marcel", "Rob", "Peter", "Arjan", "Dennis", "Bas", "Joost", "Thijs", "Ruud", "Karim",
    "Youssef", "Emre", "Wouter",
    "Sjoerd", "Niels", "René", "Maarten", "Gijs", "Ramon", "Stefan", "Koen", "Edwin", "André",
)  # fmt: skip

#: Voorvoegsel and family name.
FAMILY = (
    ("", "Jansen"), ("de", "Vries"), ("van den", "Berg"), ("van", "Dijk"), ("", "Bakker"), ("", "Visser"),
    ("", "Smit"),
    ("", "Meijer"), ("de", "Boer"), ("", "Mulder"), ("de", "Groot"), ("", "Bos"), ("", "Vos"), ("",
    "Peters"), ("", "Hendriks"),
    ("van", "Leeuwen"), ("", "Dekker"), ("", "Brouwer"), ("de", "Wit"), ("", "Dijkstra"), ("van der",
    "Meer"), ("", "Kok"),
    ("", "Wolters"), ("te", "Brake"), ("ter", "Horst"), ("van 't", "Hof"), ("in 't", "Veld"), ("'t",
    "Hart"), ("op den", "Kamp"),
    ("van der", "Giessen"), ("van", "Putten"), ("ten", "Have"), ("", "Klein Gunnewiek"), ("", "Nijenhuis"),
    ("", "Wiggers"),
    ("", "Çelik"), ("", "Özdemir"), ("el", "Amrani"), ("", "Bouzidi"), ("", "Soerodimedjo"), ("",
    "Crèvecœur"), ("", "Thomassen"),
    ("van de", "Ven"), ("van", "Hal"), ("", "Kuipers"), ("", "Postma"), ("", "Reinders"), ("", "Lammers"),
    ("de", "Bruïne"),
    ("", "Huls"), ("van", "Eerden"), ("", "Müller"), ("von", "Weiler"), ("d'", "Ancona"), ("", "Wijnands"),
    ("", "Schutte"),
)  # fmt: skip

#: How a person wants to be called, as the ECD writes it: own name, partner's, partner's before own, own before partner's.
USES = ("birthName", "partnerName", "partnerNameBirthName", "birthNamePartnerName")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A name in its parts. ``first`` are the given names of the register, ``given`` is the roepnaam."""

    first: str
    given: str
    own: tuple[str, str]
    partner: tuple[str, str] | None = None
    use: str = "birthName"

    @property
    def initials(self) -> str:
        return "".join(f"{name[0]}." for name in self.first.split())

    @property
    def prefix(self) -> str:
        return self._parts()[0][0]

    @property
    def last(self) -> str:
        """The family name in use without its leading voorvoegsel: ``Vries-van den Berg``."""
        (_, leading), *following = self._parts()
        return "-".join([leading, *(_joined(part) for part in following)])

    @property
    def formal(self) -> str:
        return " ".join(part for part in (self.initials, self.prefix, self.last) if part)

    @property
    def familiar(self) -> str:
        return " ".join(part for part in (self.given, self.prefix, self.last) if part)

    def _parts(self) -> list[tuple[str, str]]:
        if self.partner is None or self.use == "birthName":
            return [self.own]
        both = {
            "partnerName": [self.partner],
            "partnerNameBirthName": [self.partner, self.own],
            "birthNamePartnerName": [self.own, self.partner],
        }
        return both[self.use]

    def fields(self) -> dict[str, str | None]:
        """Return the name fields of an Ons person."""
        partner = self.partner or (None, None)
        return {
            "name": self.formal,
            "initials": self.initials,
            "firstName": self.first,
            "givenName": self.given,
            "prefix": self.prefix or None,
            "lastName": self.last,
            "birthNamePrefix": self.own[0] or None,
            "birthName": self.own[1],
            "partnerNamePrefix": partner[0] or None,
            "partnerName": partner[1],
            "preferredNameType": self.use,
        }


def _joined(part: tuple[str, str]) -> str:
    return " ".join(piece for piece in part if piece)


def old_name(rng: Random, gender: str, *, married: bool) -> PersonName:
    """Return the name of a client. Women who married mostly use their husband's name before their own."""
    pool = OLD_WOMEN if gender == "female" else OLD_MEN
    register, given = one(rng, pool)
    second = one(rng, pool)[0]
    first = f"{register} {second}" if rng.random() < 0.6 and second != register else register
    own, partner = one(rng, FAMILY), one(rng, FAMILY)
    if not married or partner == own:
        return PersonName(first=first, given=given, own=own)
    weights = (10, 25, 60, 5) if gender == "female" else (93, 1, 1, 5)
    return PersonName(first=first, given=given, own=own, partner=partner, use=rng.choices(USES, weights)[0])


def young_name(rng: Random, gender: str, own: tuple[str, str] | None = None) -> PersonName:
    """Return the name of a relation or an employee, with the family's name where one is given."""
    first = one(rng, YOUNG_WOMEN if gender == "female" else YOUNG_MEN)
    family = own or one(rng, FAMILY)
    partner = one(rng, FAMILY)
    if gender == "male" or partner == family or rng.random() < 0.5:
        return PersonName(first=first, given=first, own=family)
    return PersonName(first=first, given=first, own=family, partner=partner, use=rng.choices(USES, (40, 15, 40, 5))[0])
