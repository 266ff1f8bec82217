"""The data types of HL7 v2 that hold codes and identifiers: CWE (CE, CNE, IS, ID), CX, EI and HD.

A converter here gets one repetition of a field as it was sent, with its separators and escapes, and answers with a FHIR value. Reference:
HL7 v2.5.1 chapter 2A, and the datatype maps of the official v2-to-FHIR guide where they hold for Dutch messages.
"""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NoReturn
from unicodedata import is_normalized

from gateway import er7
from gateway.canonical import BASE
from gateway.canonical import BSN as BSN_SYSTEM
from gateway.mapping.convert import ConvertContext, Converted, Note, RejectRecord, Unmappable, converter
from gateway.mapping.converters import clean
from gateway.mapping.people import bsn_number

#: What a sender writes to say: this is empty.
NULL: Final = '""'
V2_TABLE: Final = "http://terminology.hl7.org/CodeSystem/v2-"
IDENTIFIER_TYPE: Final = V2_TABLE + "0203"
AGB_SYSTEM: Final = "http://fhir.nl/fhir/NamingSystem/agb-z"
UZI_SYSTEM: Final = "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers"
BIG_SYSTEM: Final = "http://fhir.nl/fhir/NamingSystem/big"

# Table 0396 (coding systems) as Dutch senders write it.
CODE_SYSTEMS: Final = {
    "LN": "http://loinc.org",
    "LOINC": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "SNOMED": "http://snomed.info/sct",
    "SNM": "http://snomed.info/sct",
    "UCUM": "http://unitsofmeasure.org",
    "ATC": "http://www.whocc.no/atc",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "ICD10": "http://hl7.org/fhir/sid/icd-10",
    "ICD-10": "http://hl7.org/fhir/sid/icd-10",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICF": "http://hl7.org/fhir/sid/icf-nl",
    "ICPC": "http://hl7.org/fhir/sid/icpc-1",
    "ICPC-1": "http://hl7.org/fhir/sid/icpc-1",
    "MDC": "urn:iso:std:iso:11073:10101",
    "ISO639": "urn:ietf:bcp:47",
    "ISO3166": "urn:iso:std:iso:3166",
    "OMAHA": "urn:oid:2.16.840.1.113883.6.98",
    "GPK": "urn:oid:2.16.840.1.113883.2.4.4.1",
    "HPK": "urn:oid:2.16.840.1.113883.2.4.4.7",
    "PRK": "urn:oid:2.16.840.1.113883.2.4.4.10",
    "GSTD": "urn:oid:2.16.840.1.113883.2.4.4.8",
}
# Who gives out numbers, by the names and OIDs that Dutch messages use.
AUTHORITIES: Final = {
    "NLMINBIZA": BSN_SYSTEM,
    "NLMINBIZ": BSN_SYSTEM,
    "BSN": BSN_SYSTEM,
    "2.16.840.1.113883.2.4.6.3": BSN_SYSTEM,
    "AGB": AGB_SYSTEM,
    "AGB-Z": AGB_SYSTEM,
    "AGBZ": AGB_SYSTEM,
    "VEKTIS": AGB_SYSTEM,
    "2.16.840.1.113883.2.4.6.1": AGB_SYSTEM,
    "UZI": UZI_SYSTEM,
    "2.16.528.1.1007.3.1": UZI_SYSTEM,
    "BIG": BIG_SYSTEM,
    "RIBIZ": BIG_SYSTEM,
    "2.16.528.1.1007.5.1": BIG_SYSTEM,
    "URA": "http://fhir.nl/fhir/NamingSystem/ura",
    "2.16.528.1.1007.3.3": "http://fhir.nl/fhir/NamingSystem/ura",
    "UZOVI": "http://fhir.nl/fhir/NamingSystem/uzovi",
    "2.16.840.1.113883.2.4.6.4": "http://fhir.nl/fhir/NamingSystem/uzovi",
    "KVK": "http://fhir.nl/fhir/NamingSystem/kvk",
}
# Types of table 0203 that mean a national number of a person. In a Dutch message that is the BSN, valid or mistyped.
NATIONAL: Final = frozenset({"NNNLD", "NN", "NI", "SS", "SB"})
BSN_DIGITS: Final = 9
OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
Reader = Callable[[str], str]
MEMO: Final = 4096
MEMO_LENGTH: Final = 160
_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def plain(raw: str) -> str:
    """Return one component as people read it: escapes resolved, NFC, no control characters; empty for nothing and for ``""``."""
    if raw.isascii():
        # A number, a code or a single word is by far the most common.
        if raw.isalnum():
            return raw
        if "\\" not in raw and raw.isprintable():
            return "" if raw == NULL else raw.strip()
    return clean(er7.unescape(raw)) or ""


def reader(value: str) -> Reader:
    """Return what reads the components of a value as ``plain`` does: of most values nothing but blanks has to go."""
    if value.isprintable() and "\\" not in value and '""' not in value:
        # What is in NFC is so in each of its parts.
        return str.strip if value.isascii() or is_normalized("NFC", value) else plain
    return plain


def parts(raw: str, least: int) -> list[str]:
    """Return the components of a repetition, raw, filled up with empty ones to at least this many."""
    found = raw.split("^")
    missing = least - len(found)
    return found + [""] * missing if missing > 0 else found


def in_path(text: str) -> str:
    """Write a text as one part of an address."""
    if _SAFE.issuperset(text):
        return text
    return "".join(sign if sign in _SAFE else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in text)


def which(context: ConvertContext) -> int:
    """Return by what the namespaces of a row are told apart from those of another; most rows have none."""
    names = context.row.namespaces
    return id(names) if names else 0


# Authorities by how they are written, at which source, with which namespaces (kept beside, so that no other gets their id).
_authorities: dict[tuple[str, str, int], tuple[Any, str]] = {}


def authority(raw: str, context: ConvertContext) -> str:
    """Return the system of identifiers that an assigning authority (HD) gives out.

    The source's own ``namespaces`` win; then the known names and OIDs, then an OID or a uuid as it is. Any other name, also none, is a
    name within this source: ``…/sid/<record system>/<name>``.
    """
    names = context.row.namespaces
    key = (raw, context.system, id(names) if names else 0)
    known = _authorities.get(key)
    if known is None:
        if len(_authorities) >= MEMO:
            _authorities.clear()
        known = (context.row.namespaces, _authority(raw, context))
        if len(raw) <= MEMO_LENGTH:
            _authorities[key] = known
    return known[1]


def _authority(raw: str, context: ConvertContext) -> str:
    name, _, rest = raw.partition("&")
    universal, _, kind = rest.partition("&")
    name, universal = plain(name), plain(universal)
    found = context.namespaces.get(name) or AUTHORITIES.get(name.upper()) or AUTHORITIES.get(universal)
    if found:
        return found
    if kind.upper() in ("ISO", "") and OID.fullmatch(universal):
        return "urn:oid:" + universal
    if kind.upper() in ("UUID", "GUID") and UUID.fullmatch(universal):
        return "urn:uuid:" + universal.lower()
    if kind.upper() == "URI" and ":" in universal and " " not in universal:
        return universal
    return f"{BASE}/sid/{in_path(context.system)}/{in_path(name or universal or 'local')}"


def is_national(found: list[str], system: str) -> bool:
    """Whether the components of a CX are a national number: it never stands in a body, whether it is valid or not."""
    return system == BSN_SYSTEM or (len(found) > 4 and found[4] in NATIONAL)


def unnamed_bsn(found: list[str], number: str) -> bool:
    """Whether a number of which neither authority nor type is said may well be a BSN: then it is treated as one that nobody vouches for.

    One in eleven of other nine-digit numbers passes too. Those lose their place in the body, which is better than one BSN in it.
    """
    if len(number) != BSN_DIGITS or not number.isdecimal() or (len(found) > 3 and found[3]) or (len(found) > 4 and found[4]):
        return False
    try:
        return bool(bsn_number(number))
    except Unmappable:
        return False


@converter(
    "CX", to="Identifier", options=("type", "use"), sourced=True, sources={"value": "1", "system": "4", "type": "5", "use": "5"}
)
def cx(value: str, context: ConvertContext) -> Any:
    """Read an identifier with its authority. A BSN answers with nothing: it is for the secrets alone.

    ``type`` in the options is the code of table 0203 for fields that are of one type by definition, when the sender doesn't say it.
    """
    found = (value + "^^^^").split("^")
    number, said, kind = found[0], found[3], found[4]
    number = plain(number) if number else ""
    if not number:
        return None
    system = authority(said, context)
    if system == BSN_SYSTEM or kind in NATIONAL or (not said and unnamed_bsn(found, number)):
        return None
    options = context.row.options
    kind = kind or options.get("type", "")
    made: dict[str, Any] = {"use": options["use"]} if options and "use" in options else {}
    if kind in IDENTIFIER_TYPES:
        made["type"] = IDENTIFIER_TYPES[kind]
    made["system"] = system
    made["value"] = number
    return made


# Codes of table 0203 that Dutch messages use; another one stays out, since R4's binding can't vouch for it.
_TYPES: Final = (
    "ACSN AN BRN DL DN DR EI EN FILL GI GN JHN LACSN LI LN LR MC MD MI MR MRT NP PI PLAC PN PPN PRC PRN PT RI RN SN SNO SR TAX U UDI "
    "UPIN VN VS WC WCN WP XX"
)
#: Each with what says it in an Identifier, the same in all.
IDENTIFIER_TYPES: Final = {code: {"coding": [{"system": IDENTIFIER_TYPE, "code": code}]} for code in _TYPES.split()}


@converter("EI", to="Identifier", options=("use",), sourced=True, sources={"value": "1", "system": "2", "use": "1"})
def ei(value: str, context: ConvertContext) -> Any:
    """Read an entity identifier: a number, and the application that gave it (name, universal id, type of that)."""
    found = parts(value, 4)
    number = plain(found[0])
    if not number:
        return None
    use = {"use": context.options["use"]} if "use" in context.options else {}
    return {**use, "system": authority("&".join(found[1:4]), context), "value": number}


@converter("HD", to=("string", "markdown"), raw=True)
def hd(value: str, context: ConvertContext) -> str | None:
    """Read the name of an application, facility or authority; without a name its universal id."""
    found = value.replace("&", "^").split("^")
    return plain(found[0]) or (plain(found[1]) if len(found) > 1 else "") or None


def code_system(name: str, context: ConvertContext) -> str:
    """Return the address of a coding system: the source's own ``namespaces``, the known names, a table of HL7, or a local one."""
    found = context.namespaces.get(name) or CODE_SYSTEMS.get(name.upper())
    if found:
        return found
    if name.startswith("HL7") and name[3:].isdigit():
        return V2_TABLE + name[3:].zfill(4)
    if ":" in name and " " not in name:
        return name
    if OID.fullmatch(name):
        return "urn:oid:" + name
    return f"{BASE}/CodeSystem/{in_path(context.system)}/{in_path(name or 'L')}"


# What a CWE means for a row, keyed by the text as it was sent. The row is kept with it: its tables decide the meaning.
_Meaning = tuple[tuple[dict[str, str], ...], str, tuple[Note, ...], bool]
_meanings: dict[tuple[int, str, str], tuple[Any, _Meaning]] = {}

UNKNOWN: Final = "the concept map doesn't know this code"
CODED_SOURCES: Final = {
    "coding[0].code": "1",
    "coding[0].system": "3",
    "coding[0].display": "2",
    "coding": "4",
    "code": "1",
    "system": "3",
    "display": "2",
    "text": "2",
}


@converter(
    "CWE",
    to=("CodeableConcept", "Coding", "code", "string", "uri"),
    options=("table", "text", "keep"),
    remembered=True,
    sources=CODED_SOURCES,
)
def cwe(value: str, context: ConvertContext) -> Any:
    """Read a coded value (CWE, CE, CNE, IS, ID): both codings with the address of their systems, and the text.

    With a concept map the mapped codings stand instead of the source's (``keep: true``: before them). ``table`` names the system of a
    field whose sender leaves it out. What a sender calls a code becomes the text, not the display: that is the code system's to say,
    unless the system is the sender's own. ``text: false`` leaves the text out.

    Raises:
        Unmappable: the concept map doesn't know the code, and the row doesn't say what to do then.
    """
    key = (id(context.row), context.system, value)
    known = _meanings.get(key)
    meaning = known[1] if known is not None else _learned(key, value, context)
    if meaning is None:
        return None
    codings, text, notes, default = meaning
    made = _written(codings, text, context.row.target)
    return Converted(made, notes, CODED_SOURCES, default) if notes else made


def _written(codings: tuple[dict[str, str], ...], text: str, target: str) -> Any:
    """Return a new value of the target's type: what is remembered must not change when somebody adds to the answer."""
    if target == "CodeableConcept":
        if not codings:
            return {"text": text}
        coding = [codings[0].copy()] if len(codings) == 1 else [one.copy() for one in codings]
        return {"coding": coding, "text": text} if text else {"coding": coding}
    if not codings:
        raise Unmappable("a text where a code is expected", "code-unmapped")
    return codings[0].copy() if target == "Coding" else codings[0]["code"]


def _learned(key: tuple[int, str, str], value: str, context: ConvertContext) -> _Meaning | None:
    found = parts(value, 9)
    meaning = _meaning(found, context)
    # Without a code it is a text that somebody wrote, and those are not kept.
    if meaning is not None and found[0] and len(value) <= MEMO_LENGTH:
        if len(_meanings) >= MEMO:
            _meanings.clear()
        _meanings[key] = (context.row, meaning)
    return meaning


def _meaning(found: list[str], context: ConvertContext) -> _Meaning | None:
    # A code may hold single spaces, no others.
    code, code2 = (" ".join(plain(found[at]).split()) for at in (0, 3))
    display, display2 = plain(found[1]), plain(found[4])
    options = context.options
    text = (plain(found[8]) or display or display2) if options.get("text") is not False else ""
    own = []
    if code:
        own.append(_coding(code, display, plain(found[2]) or str(options.get("table", "")), context))
    if code2:
        own.append(_coding(code2, display2, plain(found[5]), context))
    if not own and not text:
        return None
    table = context.codes
    if table is None or not own:
        if table is not None and context.unmapped in ("reject-element", "reject-message"):
            _refused(context)
        return tuple(own), text, (), False
    for one in own:
        targets = table.find(one["code"], one.get("system", ""))
        if targets:
            mapped = [target.coding() for target in targets]
            return tuple(mapped + own if options.get("keep") is True else mapped), text, (), False
    return _unmapped(own, text or code, context)


def _coding(code: str, display: str, system: str, context: ConvertContext) -> dict[str, str]:
    found = code_system(system, context)
    if display and found.startswith(BASE):
        return {"system": found, "code": code, "display": display}
    return {"system": found, "code": code}


def _refused(context: ConvertContext) -> NoReturn:
    if context.unmapped == "reject-message":
        raise RejectRecord(UNKNOWN, "code-unmapped")
    raise Unmappable(UNKNOWN, "code-unmapped")


def _unmapped(own: list[dict[str, str]], text: str, context: ConvertContext) -> _Meaning:
    """Return what a code means that the concept map doesn't know, as the row's ``unmapped`` says."""
    way = context.unmapped
    if way == "keep":
        return tuple(own), text, (Note("code-unmapped", UNKNOWN, "kept as the source has it"),), False
    if way.startswith("default: "):
        default = way.removeprefix("default: ")
        target = context.codes.target(default) if context.codes else None
        coding = target.coding() if target else {"code": default}
        kept = text if context.options.get("text") is not False else ""
        return (coding,), kept, (Note("code-unmapped", UNKNOWN, "default used"),), True
    _refused(context)
