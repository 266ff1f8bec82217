"""Synthetic Dutch messages of four kinds, every one another person with other values: what ``bench mapping`` maps.

The shapes are those of home care: an admission with contacts and an allergy, ten measurements, a visit, a report of three paragraphs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

FAMILIES: Final = (
    "Jansen",
    "de Vries",
    "van den Berg",
    "Bakker",
    "Visser",
    "Smit",
    "Meijer",
    "de Boer",
    "Mulder",
    "Dekker",
    "Özdemir",
    "Groot",
)
GIVEN: Final = (
    "Johanna",
    "Pieter",
    "Maria",
    "Hendrik",
    "Cornelia",
    "Jan",
    "Wilhelmina",
    "Gerrit",
    "Elisabeth",
    "Fatma",
    "René",
    "Zoë",
)
STREETS: Final = ("Dorpsstraat", "Stationsweg", "Molenlaan", "Kerkplein", "Lindelaan", "Prins Bernhardstraat")
TOWNS: Final = ("Apeldoorn", "Zwolle", "Deventer", "Epe", "Raalte", "Ommen")
TASKS: Final = ("Hulp bij wassen", "Wondzorg", "Medicatie aanreiken", "Steunkousen aan")
MOODS: Final = ("vrolijk", "wat moe", "onrustig", "goed gehumeurd", "stil")
RANGES: Final = (
    ("29463-7^Lichaamsgewicht^LN", "kg^kilogram^UCUM", 45, 95, 10),
    ("8302-2^Lengte^LN", "cm^centimeter^UCUM", 150, 195, 1),
    ("8480-6^Systolische bloeddruk^LN", "mm[Hg]^mmHg^UCUM", 100, 170, 1),
    ("8462-4^Diastolische bloeddruk^LN", "mm[Hg]^mmHg^UCUM", 60, 100, 1),
    ("8867-4^Hartfrequentie^LN", "/min^slagen/min^UCUM", 50, 110, 1),
    ("15074-8^Glucose^LN", "mmol/L^mmol/L^UCUM", 4, 11, 10),
    ("8310-5^Lichaamstemperatuur^LN", "Cel^graden C^UCUM", 35, 39, 10),
    ("59408-5^Zuurstofsaturatie^LN", "%^procent^UCUM", 88, 100, 1),
)
WEIGHTS: Final = range(9, 1, -1)
NURSE: Final = "90001234^Bakker^M.^^^^^^AGB"
DOCTOR: Final = "01004567^Visser^A.^^^dr.^^^VEKTIS"
KINDS: Final = ("adt", "oru", "siu", "mdm")


def messages(kind: str, count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield that many messages of a kind, no two alike, the same for the same seed."""
    make = {"adt": _adt, "oru": _oru, "siu": _siu, "mdm": _mdm}[kind]
    for number in range(1, count + 1):
        yield ("\r".join(make(Person(random.Random(f"{seed}/{kind}/{number}"), number))) + "\r").encode()  # noqa: S311 - synthetic data


class Person:
    """One client of one message, with the time and numbers that its message has."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        self.number = number
        self.family = chance.choice(FAMILIES)
        self.given = chance.choice(GIVEN)
        self.service_number = _bsn(number)
        self.day = f"2026{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
        self.at = f"{self.day}{chance.randint(7, 22):02}{chance.randint(0, 59):02}{chance.randint(0, 59):02}+0100"
        self.born = f"19{chance.randint(25, 59)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"

    def header(self, event: str, structure: str) -> str:
        """Return MSH."""
        return (
            r"MSH|^~\&|ECD^2.16.840.1.113883.2.4.6.6.9001^ISO|ZORGGROEP^2.16.840.1.113883.2.4.6.1.90000001^ISO|GATEWAY|GATEWAY"
            f"|{self.at}||{event}^{structure}|M{self.number:07}|P|2.5.1|||AL|NE|NLD|UNICODE UTF-8|nl"
        )

    def identity(self) -> str:
        """Return PID."""
        prefix, _, own = self.family.rpartition(" ")
        house, other = self.chance.randint(1, 180), self.chance.choice(FAMILIES)
        name = f"{self.family}-{other}&{prefix}&{own}&&{other}^{self.given}^{self.given[0]}^^mevr.^^L~{self.family}^{self.given[:3]}^^^^^N"
        street, town, code = self.chance.choice(STREETS), self.chance.choice(TOWNS), f"{self.chance.randint(7000, 8999)} AB"
        address = f"{street} {house} a&{street}&{house}^a^{town}^^{code}^NL^H~Postbus {house}^^{town}^^{code}^NL^M"
        phones = f"+31 55 {self.chance.randint(1000000, 9999999)}^PRN^PH~06{self.chance.randint(10000000, 99999999)}^PRN^CP"
        mail = f"c{self.number}@example.org^NET^Internet^c{self.number}@example.org"
        return (
            f"PID|1||{self.service_number}^^^NLMINBIZA^NNNLD~{self.number:07}^^^ECD^PI||{name}||{self.born}|{self.chance.choice('FM')}|||{address}"
            f"||{phones}|{mail}|nl|W^gehuwd^HL70002||||||||||||||N"
        )

    def visit(self, class_: str) -> str:
        """Return PV1."""
        return (
            f"PV1|1|{class_}|PG2^{self.chance.randint(101, 420)}^1^DE LINDE|R|||{DOCTOR}||{NURSE}|ELV|||||||{DOCTOR}|W"
            f"|V{self.number}^^^ECD^VN|WLZ||||||||||||||||||||||||{self.at}"
        )


def _bsn(number: int) -> str:
    """Return a number of the test range 999xxxxxx that passes the 11-test: another one for each of 26,000 persons."""
    body = 10000 + 3 * number % 80000
    while True:
        digits = f"999{body:05}"
        rest = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11
        if rest != 10:
            return f"{digits}{rest}"
        body += 1


def _adt(one: Person) -> list[str]:
    phone = f"06{one.chance.randint(10000000, 99999999)}"
    home = f"{one.chance.choice(STREETS)} {one.chance.randint(1, 90)}^^{one.chance.choice(TOWNS)}^^8011 CZ^NL"
    weight = f"{one.chance.randint(450, 950) / 10:.1f}"
    return [
        one.header("ADT^A01", "ADT_A01"),
        f"EVN|A01|{one.at}|||{NURSE}|{one.at}",
        one.identity(),
        f"PD1||||{DOCTOR}&2.16.528.1.1007.3.1&ISO",
        f"NK1|1|{one.family}^{one.chance.choice(GIVEN)}^^^dhr.|CHILD^kind^HL70063|{home}|{phone}^PRN^CP||CP^contactpersoon^HL70131",
        f"NK1|2|{one.chance.choice(FAMILIES)}^{one.chance.choice(GIVEN)}^^^mevr.|SIB^zus^HL70063||{phone}^PRN^CP||C^noodcontact^HL70131",
        one.visit("I"),
        f"PV2||PP^Persoonlijke verzorging^L|^{one.chance.choice(TASKS)}|||||||{one.chance.randint(1, 90)}",
        f"OBX|1|NM|29463-7^Lichaamsgewicht^LN||{weight}|kg^kilogram^UCUM|45-80||||F|||{one.at}||{NURSE}",
        "AL1|1|DA^Medicatie^HL70127|J01CA04^Amoxicilline^ATC|MO^matig^HL70128|huiduitslag|20190501",
        "DG1|1||S72.0^Fractuur van collum femoris^I10|||A",
        f"ZVV|1|VPT|{one.chance.randint(1, 10)}VV|TEAM-OOST",
    ]


def _oru(one: Person) -> list[str]:
    order = f"ORD{one.number}^ECD|RES{one.number}^ECD"
    lines = [
        one.header("ORU^R01", "ORU_R01"),
        one.identity(),
        one.visit("I"),
        f"ORC|RE|{order}||CM||||{one.at}|||{NURSE}",
        f"OBR|1|{order}|85353-1^Vitale functies^LN|||{one.at}|||||||||{DOCTOR}||||||{one.at}||GEN|F",
    ]
    for number, (code, unit, low, high, tenths) in enumerate(RANGES, 1):
        value = one.chance.randint(low * tenths, high * tenths)
        shown = f"{value / 10:.1f}" if tenths == 10 else str(value)
        lines.append(f"OBX|{number}|NM|{code}||{shown}|{unit}|{low}-{high}||||F|||{one.at}||{NURSE}")
    note = rf"Voelt zich {one.chance.choice(MOODS)}\.br\bloeddruk na rust \T\ zittend gemeten"
    lines.append(f"OBX|9|CWE|72514-3^Pijnscore^LN||LA6113-0^geen pijn^LN||||||F|||{one.at}")
    lines.append(f"OBX|10|TX|48767-8^Toelichting meting^LN||{note}||||||F|||{one.at}")
    return [*lines, "NTE|1|L|Meting uitgevoerd bij ochtendzorg"]


def _siu(one: Person) -> list[str]:
    hour, length = one.chance.randint(7, 20), one.chance.choice((15, 30, 45))
    start, end = f"{one.day}{hour:02}0000+0100", f"{one.day}{hour:02}{length}00+0100"
    schedule = (
        f"SCH|AFS{one.number}^ECD|AFS{one.number}^ECD||||NEW^Nieuwe afspraak^L|HOMEVISIT^Wijkverpleging^L|ROUTINE^Routine^HL70277|{length}"
        f"|min^minuten^UCUM|^^{length}^{start}^{end}|||||{NURSE}||||{NURSE}|||||Booked^gepland^HL70278"
    )
    return [
        one.header("SIU^S12", "SIU_S12"),
        schedule,
        "NTE|1|L|Sleutelkluis naast voordeur",
        one.identity(),
        one.visit("H"),
        "RGS|1|A",
        f"AIS|1|A|ADL^{one.chance.choice(TASKS)}^L|{start}|||{length}|min^minuten^UCUM|NO|Booked^gepland^HL70278",
        f"AIL|1|A|THUIS^^^ECD|HOME^Thuis^L||{start}|||{length}|min",
        f"AIP|1|A|{NURSE}|VPK^Wijkverpleegkundige^L||{start}|||{length}|min|NO|Booked",
    ]


def _mdm(one: Person) -> list[str]:
    texts = (
        rf"Was vanochtend {one.chance.choice(MOODS)}\.br\{one.chance.choice(TASKS)} gedaan.",
        f"Wond aan linkeronderbeen is rustig, verband verschoond om {one.at[8:10]}:{one.at[10:12]}.",
        r"Actie: huisarts gebeld i.v.m. medicatie \T\ bloeddruk.",
    )
    return [
        one.header("MDM^T02", "MDM_T02"),
        f"EVN|T02|{one.at}|||{NURSE}|{one.at}",
        one.identity(),
        one.visit("H"),
        f"TXA|1|PN|TX|{one.at}|{NURSE}|{one.at}|{one.at}|||||RAP{one.number}^ECD|||||LA||AV",
        *(f"OBX|{number}|TX|34109-9^Rapportage^LN||{text}||||||F" for number, text in enumerate(texts, 1)),
    ]
