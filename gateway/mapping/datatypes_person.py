"""The data types of HL7 v2 that say who somebody is and where: XPN, XAD and XTN, as nl-core writes them."""

from __future__ import annotations

from typing import Any, Final

from gateway.mapping.convert import ConvertContext, Unmappable, converter
from gateway.mapping.datatypes import Reader, plain, reader
from gateway.mapping.people import ADDRESS_USE, CODE_SPECIFICATION, HL7, ISO_3166, dutch_number

OFFICIAL: Final = "official"
USUAL: Final = "usual"
#: Table 0200 (name type) to name-use; a type that isn't here is the name of the register.
NAME_USES: Final = {
    "D": USUAL,
    "N": USUAL,
    "M": "maiden",
    "BAD": "old",
    "NOUSE": "old",
    "MSK": "anonymous",
    "S": "anonymous",
    "TEMP": "temp",
    "NAV": "temp",
}
#: Words before a Dutch family name. Senders that have no place for them put them where further given names go.
_PREFIXES: Final = "van von der den de ter ten te ’t 't 's in op aan bij onder over uit voor het tot la le les du des di da del"
PREFIX_WORDS: Final = frozenset(_PREFIXES.split())
NAME_SOURCES: Final = {
    "family": "1.1",
    "_family": "1",
    "extension": "1",
    "given[0]": "2",
    "_given[0]": "2",
    "given": "3",
    "_given": "3",
    "suffix": "4",
    "prefix": "5",
    "use": "7",
}
_FAMILY_PARTS: Final = tuple(f"{HL7}humanname-{part}" for part in ("own-prefix", "own-name", "partner-prefix", "partner-name"))
_ORDER: Final = HL7 + "humanname-assembly-order"
_QUALIFIER: Final = HL7 + "iso21090-EN-qualifier"
#: The qualifiers of a name by birth and of an initial, and the orders of names, as extensions. They are the same in every name.
QUALIFIED: Final = {mark: {"extension": [{"url": _QUALIFIER, "valueCode": mark}]} for mark in ("BR", "IN")}
BORNE: Final = [QUALIFIED["BR"]]
ORDERS: Final = {order: [{"url": _ORDER, "valueCode": order}] for order in ("NL1", "NL2", "NL3", "NL4")}
NO_PARTS: Final[list[dict[str, str]]] = []
LETTERS_OF_AN_INITIAL: Final = 2
LETTERS_WRITTEN_TOGETHER: Final = 5


@converter("XPN", to="HumanName", options=("use",), private=True, alone=True, sources=NAME_SOURCES)
def xpn(value: str, context: ConvertContext) -> Any:
    """Read a name: the family name as it is said with its parts, given names or initials with their qualifier, titles.

    Of a nickname (table 0200 ``N``) the given name alone is kept: the name that somebody is called by. The order of the own and the
    partner's name is read from how the sender writes the whole.
    """
    return human_name((value + "^^^^^^").split("^"), context.row.options.get("use"), reader(value))


def human_name(found: list[str], use: str | None = None, read: Reader = plain) -> dict[str, Any] | None:
    """Return a HumanName from the components of an XPN (raw, at least seven), ``None`` when there is no name in it."""
    surname, first, second, suffix, prefix, degree, kind = found[:7]
    use = use or (NAME_USES.get(kind, OFFICIAL) if kind else OFFICIAL)
    first = read(first) if first else ""
    second = read(second) if second else ""
    if kind == "N":
        return {"use": use, "given": [first]} if first else None
    if second and "&" not in surname and PREFIX_WORDS.issuperset(second.lower().split()):
        surname, second = f"{second} {surname}&{second}&{surname}", ""
    name: dict[str, Any] = {}
    if "&" in surname:
        family, extensions = _family(surname, name, read)
    else:
        family, extensions = read(surname) if surname else "", NO_PARTS
    # One given name, written out, is what most messages have.
    one = first.isalpha() and len(first) > 1 and (not second or second == first[0])
    given, marks = ([first], BORNE) if one else _given(first, second)
    if not family and not given:
        return None
    prefix = read(prefix) if prefix else ""
    suffix = suffix or degree
    suffix = read(suffix) if suffix else ""
    name["use"] = use
    text = (f"{given[0]} {family}" if len(given) == 1 else " ".join((*given, family))) if family else " ".join(given)
    name["text"] = f"{prefix} {text} {suffix}".strip() if prefix or suffix else text
    if family:
        name["family"] = family
        if extensions:
            name["_family"] = {"extension": extensions}
    if given:
        name["given"] = given
        name["_given"] = marks
    if prefix:
        name["prefix"] = [prefix]
    if suffix:
        name["suffix"] = [suffix]
    return name


def _family(surname: str, name: dict[str, Any], read: Reader) -> tuple[str, list[dict[str, str]]]:
    """Return the family name as it is said and its parts; the order of the parts goes into the name."""
    said, own_prefix, own, partner_prefix, partner, *_ = (surname + "&&&&").split("&")
    said, own, partner = read(said) if said else "", read(own) if own else "", read(partner) if partner else ""
    # A prefix without its name is an error in nl-core.
    own_prefix = read(own_prefix) if own_prefix and own else ""
    partner_prefix = read(partner_prefix) if partner_prefix and partner else ""
    extensions: list[dict[str, str]] = []
    for url, piece in zip(_FAMILY_PARTS, (own_prefix, own, partner_prefix, partner), strict=True):
        if piece:
            extensions.append({"url": url, "valueString": piece})
    own = f"{own_prefix} {own}" if own_prefix else own
    partner = f"{partner_prefix} {partner}" if partner_prefix else partner
    if own and partner:
        order = _order(said, own, partner)
        if order:
            name["extension"] = ORDERS[order]
    return said or "-".join([one for one in (own, partner) if one]), extensions


def _order(said: str, own: str, partner: str) -> str | None:
    """Return how somebody uses the own and the partner's name (NL1-NL4), as far as the whole shows it."""
    said = said.replace(" - ", "-")
    if said == f"{own}-{partner}":
        return "NL4"
    if said == f"{partner}-{own}":
        return "NL3"
    return "NL2" if said == partner else "NL1" if said == own else None


def _given(first: str, second: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Return given names and initials with the qualifier of each (BR or IN).

    Dutch senders put all initials in the third component (``Anna^AB``): the one that repeats the given name is left out.
    """
    given, mark = _names(first, together=False) if first else ([], "")
    marks = [mark] * len(given)
    if second:
        further, mark = _names(second, together=True)
        if mark == "IN" and given and further[0][:1] == given[0][:1]:
            further = further[1:]
        given += further
        marks += [mark] * len(further)
    return given, [QUALIFIED[mark] for mark in marks]


def _names(text: str, *, together: bool) -> tuple[list[str], str]:
    """Return names or initials; ``together``: initials may be written without points (``AB``)."""
    if "." in text:
        letters = text.replace(".", " ").split()
        if all(len(one) <= LETTERS_OF_AN_INITIAL for one in letters):
            return [one + "." for one in letters], "IN"
    elif len(text) == 1 or (together and text.isupper() and text.isalpha() and len(text) <= LETTERS_WRITTEN_TOGETHER):
        return [one + "." for one in text], "IN"
    return ([text] if " " not in text else text.split()), "BR"


_STREET: Final = HL7 + "iso21090-ADXP-streetName"
_LOCATOR: Final = HL7 + "iso21090-ADXP-additionalLocator"
_NUMBER: Final = HL7 + "iso21090-ADXP-houseNumber"
_SUFFIX: Final = HL7 + "iso21090-ADXP-buildingNumberSuffix"
LOCATORS: Final = {"to": "to", "t/o": "to", "tegenover": "to", "by": "by", "bij": "by"}
#: Table 0190 (address type) to use and type. A home is where somebody lives and gets post.
ADDRESS_USES: Final[dict[str, dict[str, str]]] = {
    "H": {"use": "home", "type": "both"},
    "L": {"use": "home", "type": "both"},
    "P": {"use": "home", "type": "both"},
    "M": {"type": "postal"},
    "B": {"use": "work"},
    "O": {"use": "work"},
    "C": {"use": "temp"},
    "V": {"use": "temp"},
    "BA": {"use": "old"},
    "BI": {"use": "billing"},
}
NO_USE: Final[dict[str, str]] = {}
COUNTRIES: Final = {"NL": "NL", "NLD": "NL", "NEDERLAND": "NL", "BEL": "BE", "DEU": "DE"}
#: The length of a postcode, and that of one as it is to be written.
POSTCODE: Final = 6
WRITTEN: Final = 7


@converter(
    "XAD",
    to="Address",
    options=("use", "type"),
    private=True,
    alone=True,
    sources={
        "line": "1",
        "_line": "1",
        "city": "3",
        "state": "4",
        "postalCode": "5",
        "country": "6",
        "_country": "6",
        "use": "7",
        "type": "7",
        "district": "9",
    },
)
def xad(value: str, context: ConvertContext) -> Any:
    """Read an address: one line as it is written, its parts as extensions, and a postcode ``1234 AB``.

    The parts of a SAD (street, number) say the same as its line and never become lines of their own; the second component is the
    addition to the house number.
    """
    street, addition, city, state, code, country, kind, _, district = (value + "^^^^^^^^").split("^")[:9]
    read = reader(value)
    made: dict[str, Any] = {**ADDRESS_USES.get(kind, NO_USE), **context.row.options}
    fixed = len(made)
    if street or addition:
        _street_line(made, street, read(addition) if addition else "", read)
    if city and (text := read(city)):
        made["city"] = text
    if district and (text := read(district)):
        made["district"] = text
    if state and (text := read(state)):
        made["state"] = text
    if code and (text := read(code)):
        made["postalCode"] = _postcode(text)
    if fixed == len(made):
        return None
    if country:
        _country(made, read(country))
    return made


def _street_line(made: dict[str, Any], sad: str, addition: str, read: Reader) -> None:
    line, street, number = sad, "", ""
    if "&" in sad:
        line, street, number, *_ = (sad + "&").split("&")
        street, number = read(street) if street else "", read(number) if number else ""
    line = read(line) if line else ""
    locator = LOCATORS.get(addition.lower(), "") if addition else ""
    addition = "" if locator else addition
    if number and not number.isdecimal():
        number, addition = _split_number(number, addition)
    if not line:
        line = " ".join([one for one in (street, locator, number, addition) if one])
    elif addition and not line.endswith((" " + addition, number + addition if number else " " + addition)):
        line = f"{line} {addition}"
    if not line:
        return
    made["line"] = [line]
    if street or locator or number:
        made["_line"] = [{"extension": _line_parts(street, locator, number, addition)}]


def _line_parts(street: str, locator: str, number: str, addition: str) -> list[dict[str, str]]:
    """Return the parts of a line as extensions; an addition is one to a number."""
    found: list[dict[str, str]] = []
    if street:
        found.append({"url": _STREET, "valueString": street})
    if locator:
        found.append({"url": _LOCATOR, "valueString": locator})
    if number:
        found.append({"url": _NUMBER, "valueString": number})
        if addition:
            found.append({"url": _SUFFIX, "valueString": addition})
    return found


def _split_number(number: str, addition: str) -> tuple[str, str]:
    """Return house number and addition of ``12a`` or ``12 bis``."""
    digits = len(number) - len(number.lstrip("0123456789"))
    if not digits:
        return number, addition
    rest = number[digits:].strip(" -")
    return number[:digits], f"{rest} {addition}" if addition and addition != rest else rest


def _postcode(text: str) -> str:
    if len(text) == WRITTEN and text[4] == " " and text[:4].isdecimal() and text[5:].isalpha() and text.isupper():
        return text
    joined = text.replace(" ", "")
    if len(joined) == POSTCODE and joined[:4].isdecimal() and joined[4:].isalpha():
        return f"{joined[:4]} {joined[4:].upper()}"
    return text


# Countries as they are written, with what stands for them: a handful comes in every message.
_countries: dict[str, tuple[str, dict[str, Any] | None]] = {}
MOST_COUNTRIES: Final = 512


def _country(made: dict[str, Any], text: str) -> None:
    if not text:
        return
    known = _countries.get(text)
    if known is None:
        name = text.upper()
        code = COUNTRIES.get(name) or (name if len(name) == 2 and name.isalpha() and name.isascii() else "")
        coding = {"coding": [{"system": ISO_3166, "code": code}]}
        extension = {"extension": [{"url": CODE_SPECIFICATION, "valueCodeableConcept": coding}]} if code else None
        known = ("Nederland" if code == "NL" else code or text, extension)
        if code and len(_countries) < MOST_COUNTRIES:
            _countries[text] = known
    made["country"] = known[0]
    if known[1] is not None:
        made["_country"] = known[1]


#: Table 0201 (use) to use. nl-core has no use for a mobile number: that is marked at the system.
TELECOM_USES: Final = {"PRN": "home", "WPN": "work", "VHN": "temp"}
#: Table 0202 (equipment) to system.
EQUIPMENT: Final = {
    "PH": "phone",
    "CP": "phone",
    "FX": "fax",
    "BP": "pager",
    "SAT": "phone",
    "TDD": "other",
    "TTY": "other",
    "MD": "other",
}


#: How nl-core marks a mobile number.
MOBILE: Final = {
    "extension": [
        {"url": CODE_SPECIFICATION, "valueCodeableConcept": {"coding": [{"system": ADDRESS_USE, "code": "MC"}]}},
    ]
}


@converter(
    "XTN",
    to="ContactPoint",
    options=("use",),
    private=True,
    alone=True,
    sources={"value": "1", "use": "2", "system": "3", "_system": "3"},
)
def xtn(value: str, context: ConvertContext) -> Any:
    """Read a telephone number or an e-mail address. A Dutch number becomes E.164, a mobile one is marked as in nl-core.

    ``use`` in the options holds for a number whose sender doesn't say what it is for.

    Raises:
        Unmappable: an e-mail address without exactly one ``@``.
    """
    number, said, kind, mail, _ = (value + "^^^^").split("^", 4)
    read = reader(value)
    if number:
        number = read(number)
    if mail:
        mail = read(mail)
    use = TELECOM_USES.get(said) if said else context.row.options.get("use")
    if kind in ("Internet", "X.400") or said == "NET" or (mail and not number):
        return _mail(mail or number, use)
    number = number or _composed((value + "^^^^^^").split("^"))
    if not number:
        return None
    system = EQUIPMENT.get(kind, "phone")
    made: dict[str, Any] = {"system": system}
    dutch = dutch_number(number) if system == "phone" else None
    if kind == "CP" or said == "PRS" or (dutch is not None and dutch.startswith("+316")):
        made["_system"] = MOBILE
    made["value"] = dutch or number
    if use:
        made["use"] = use
    return made


def _mail(text: str, use: str | None) -> dict[str, str] | None:
    if not text:
        return None
    if text.count("@") != 1 or " " in text or text[0] == "@" or text[-1] == "@":
        raise Unmappable("not an e-mail address")
    made = {"system": "email", "value": text}
    if use:
        made["use"] = use
    return made


def _composed(found: list[str]) -> str:
    """Return the number of newer versions, in parts: country, area, local number (5-7), else unformatted (12)."""
    country, area, local = (plain(one) for one in found[4:7])
    if local:
        return " ".join([one for one in (f"+{country.lstrip('+')}" if country else "", area, local) if one])
    return plain(found[11]) if len(found) > 11 else ""
