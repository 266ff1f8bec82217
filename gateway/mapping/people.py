"""Names, addresses, phone numbers and the BSN, as nl-core writes them."""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.mapping.convert import ConvertContext, Converted, Unmappable, converter
from gateway.mapping.converters import clean

HL7: Final = "http://hl7.org/fhir/StructureDefinition/"
CODE_SPECIFICATION: Final = "http://nictiz.nl/fhir/StructureDefinition/ext-CodeSpecification"
ADDRESS_USE: Final = "http://terminology.hl7.org/CodeSystem/v3-AddressUse"
ISO_3166: Final = "urn:iso:std:iso:3166"
ORDERS: Final = frozenset({"NL1", "NL2", "NL3", "NL4"})


def _field(value: Any, context: ConvertContext, part: str) -> tuple[str | None, str]:
    """Return the text of one part and the name of the field that it is in."""
    name = context.options.get(part)
    if not isinstance(name, str) or type(value) is not dict:
        return None, ""
    node: Any = value
    for step in name.split("."):
        node = node.get(step) if type(node) is dict else None
    return (None if node is None else clean(node)), name


def bsn_number(text: str) -> str:
    """Return nine digits that pass the 11-proef; eight are padded with a zero.

    Raises:
        Unmappable: other signs, or a number that fails.
    """
    digits = text.replace(".", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in (8, 9)):
        raise Unmappable("not eight or nine digits")
    digits = digits.zfill(9)
    a, b, c, d, e, f, g, h, i = map(int, digits)
    if (9 * a + 8 * b + 7 * c + 6 * d + 5 * e + 4 * f + 3 * g + 2 * h - i) % 11 or digits == "000000000":
        raise Unmappable("fails the 11-proef")
    return digits


@converter("bsn", to="secret", options=(), private=True)
def bsn(value: Any, context: ConvertContext) -> Any:
    """Read a BSN. It shows a typing error, not whose number it is."""
    found = clean(value)
    return None if found is None else bsn_number(found)


NAME_OPTIONS: Final = (
    "given",
    "initials",
    "call",
    "own_prefix",
    "own_name",
    "partner_prefix",
    "partner_name",
    "order",
    "prefix",
    "suffix",
    "use",
)


@converter("human_name", to="HumanName", options=NAME_OPTIONS, private=True)
def human_name(value: Any, context: ConvertContext) -> Any:
    """Build an nl-core name: the family name as it is said, its parts as extensions, given names with their qualifier.

    ``order`` is NL1 (own), NL2 (partner), NL3 (partner-own) or NL4 (own-partner); without it own, or the partner's when there is
    no own. Initials are used when there are no given names. A name to be called by becomes a second HumanName.
    """
    parts = {part: _field(value, context, part) for part in NAME_OPTIONS if part != "use"}
    texts = {part: found[0] for part, found in parts.items() if found[0]}
    sources: dict[str, str] = {}
    name: dict[str, Any] = {"use": context.options.get("use", "official")}
    _family(name, texts, parts, sources)
    _given(name, texts, parts, sources)
    for part in ("prefix", "suffix"):
        if part in texts:
            name[part], sources[f"{part}[0]"] = [texts[part]], parts[part][1]
    whole = _whole(name, texts)
    names = [{**_order(texts), "use": name.pop("use"), "text": whole, **name}] if whole else []
    if "call" in texts:
        names.append({"use": "usual", "given": [texts["call"]]})
    return Converted(names if len(names) > 1 else names[0], sources=sources if len(names) == 1 else {}) if names else None


def _joined(prefix: str | None, name: str | None) -> str:
    return f"{prefix} {name}" if prefix and name else name or ""


def _family(
    name: dict[str, Any], texts: Mapping[str, str], parts: Mapping[str, tuple[str | None, str]], sources: dict[str, str]
) -> None:
    own = _joined(texts.get("own_prefix"), texts.get("own_name"))
    partner = _joined(texts.get("partner_prefix"), texts.get("partner_name"))
    order = texts.get("order", "NL1")
    shown = {"NL2": [partner], "NL3": [partner, own], "NL4": [own, partner]}.get(order, [own])
    family = "-".join(part for part in shown if part) or own or partner
    if not family:
        return
    name["family"] = family
    sources["family"] = parts["own_name"][1] or parts["partner_name"][1]
    extensions: list[dict[str, str]] = []
    for part, url in (
        ("own_prefix", "own-prefix"),
        ("own_name", "own-name"),
        ("partner_prefix", "partner-prefix"),
        ("partner_name", "partner-name"),
    ):
        # A prefix without its name is an error in nl-core.
        if part in texts and part.replace("prefix", "name") in texts:
            sources[f"_family.extension[{len(extensions)}]"] = parts[part][1]
            extensions.append({"url": f"{HL7}humanname-{url}", "valueString": texts[part]})
    name["_family"] = {"extension": extensions}


def _given(
    name: dict[str, Any], texts: Mapping[str, str], parts: Mapping[str, tuple[str | None, str]], sources: dict[str, str]
) -> None:
    part = "given" if "given" in texts else "initials"
    if part not in texts:
        return
    found = texts[part].split() if part == "given" else [one + "." for one in re.split(r"[.\s]+", texts[part]) if one]
    if found:
        name["given"] = found
        qualifier = "BR" if part == "given" else "IN"
        name["_given"] = [_qualified(qualifier) for _ in found]
        sources["given"] = sources["_given"] = parts[part][1]


def _qualified(code: str) -> dict[str, Any]:
    return {"extension": [{"url": f"{HL7}iso21090-EN-qualifier", "valueCode": code}]}


def _order(texts: Mapping[str, str]) -> dict[str, Any]:
    order = texts.get("order")
    if order not in ORDERS:
        return {}
    return {"extension": [{"url": f"{HL7}humanname-assembly-order", "valueCode": order}]}


def _whole(name: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    given = [texts["call"]] if "call" in texts and "given" not in name else name.get("given", [])
    pieces = [*name.get("prefix", []), *given, name.get("family", ""), *name.get("suffix", [])]
    return " ".join(piece for piece in pieces if piece) if "family" in name or "given" in name else ""


ADDRESS_OPTIONS: Final = (
    "street",
    "number",
    "suffix",
    "indication",
    "postal_code",
    "city",
    "municipality",
    "country",
    "use",
    "type",
)
LINE_PARTS: Final = (
    ("street", "iso21090-ADXP-streetName"),
    ("indication", "iso21090-ADXP-additionalLocator"),
    ("number", "iso21090-ADXP-houseNumber"),
    ("suffix", "iso21090-ADXP-buildingNumberSuffix"),
)
_POSTCODE: Final = re.compile(r"([1-9][0-9]{3})\s*([A-Za-z]{2})")


@converter("address", to="Address", options=ADDRESS_OPTIONS, private=True)
def address(value: Any, context: ConvertContext) -> Any:
    """Build an nl-core address: one line as it is written, with its parts as extensions, and a postcode ``1234 AB``."""
    parts = {part: _field(value, context, part) for part in ADDRESS_OPTIONS if part not in ("use", "type")}
    texts = {part: found[0] for part, found in parts.items() if found[0]}
    if texts.get("indication") not in (None, "by", "to"):
        del texts["indication"]
    content: dict[str, Any] = {key: context.options[key] for key in ("use", "type") if key in context.options}
    fixed = len(content)
    sources: dict[str, str] = {}
    line = " ".join(texts[part] for part, _ in LINE_PARTS if part in texts)
    if line:
        content["line"] = [line]
        content["_line"] = [{"extension": list(_line_parts(texts, parts, sources))}]
        sources["line"] = next(parts[part][1] for part, _ in LINE_PARTS if part in texts)
    for part, name in (("city", "city"), ("municipality", "district"), ("postal_code", "postalCode")):
        if part in texts:
            content[name], sources[name] = _postcode(texts[part]) if part == "postal_code" else texts[part], parts[part][1]
    if "country" in texts:
        _country(content, texts["country"])
        sources["country"] = sources["_country"] = parts["country"][1]
    return Converted(content, sources=sources) if len(content) > fixed else None


def _line_parts(
    texts: Mapping[str, str], parts: Mapping[str, tuple[str | None, str]], sources: dict[str, str]
) -> Iterator[dict[str, str]]:
    present = [(part, url) for part, url in LINE_PARTS if part in texts]
    for number, (part, url) in enumerate(present):
        sources[f"_line[0].extension[{number}]"] = parts[part][1]
        yield {"url": HL7 + url, "valueString": texts[part]}


def _postcode(text: str) -> str:
    found = _POSTCODE.fullmatch(text)
    return f"{found[1]} {found[2].upper()}" if found else text


def _country(content: dict[str, Any], text: str) -> None:
    content["country"] = text
    code = text.upper() if re.fullmatch("[A-Za-z]{2}", text) else {"nederland": "NL"}.get(text.lower())
    if code:
        content["country"] = "Nederland" if code == "NL" else code
        content["_country"] = {"extension": [_specified(ISO_3166, code)]}


def _specified(system: str, code: str) -> dict[str, Any]:
    coding = {"coding": [{"system": system, "code": code}]}
    return {"url": CODE_SPECIFICATION, "valueCodeableConcept": coding}


@converter("contact_point", to="ContactPoint", options=("system", "use"), private=True)
def contact_point(value: Any, context: ConvertContext) -> Any:
    """Read a phone number or an e-mail address. A Dutch number becomes E.164; a mobile one is marked, as in nl-core."""
    found = clean(value)
    if found is None:
        return None
    use = {"use": context.options["use"]} if "use" in context.options else {}
    if context.options.get("system") == "email":
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", found):
            raise Unmappable("not an e-mail address")
        return {"system": "email", "value": found, **use}
    number = dutch_number(found)
    content: dict[str, Any] = {"system": context.options.get("system", "phone")}
    if number is not None and number.startswith("+316"):
        content["_system"] = {"extension": [_specified(ADDRESS_USE, "MC")]}
    return {**content, "value": number or found, **use}


_FILLING: Final = str.maketrans("", "", " .()-\t\u00a0")
_SUBSCRIBER: Final = 9
MOBILE_DIGITS: Final = 10


def dutch_number(text: str) -> str | None:
    """Return a Dutch number as E.164, ``None`` when it isn't one."""
    if len(text) == MOBILE_DIGITS and text[:2] == "06" and text.isdigit() and text.isascii():
        return "+31" + text[1:]
    digits = text.replace(" ", "")
    if digits[:3] != "+31" or not digits[3:].isdigit():
        digits = text.replace("(0)", "").translate(_FILLING)
    for prefix in ("+31", "0031", "0"):
        if digits.startswith(prefix):
            rest = digits[len(prefix) :]
            if len(rest) == _SUBSCRIBER and rest[0] != "0" and rest.isdecimal() and rest.isascii():
                return "+31" + rest
    return None
