"""Who a message is about and who took part: client, professional and place, by keys that are the same in every message of a source."""

from __future__ import annotations

from typing import Any, Final

from gateway.canonical import BASE, BSN
from gateway.mapping.convert import ConvertContext, Converted, Note, Unmappable, converter
from gateway.mapping.datatypes import AGB_SYSTEM, authority, in_path, is_national, parts, plain
from gateway.mapping.datatypes_person import human_name
from gateway.mapping.people import bsn_number

Fields = list[str]
#: Types of number (table 0203) that stay with a client, the best first.
CLIENT_TYPES: Final = {kind: rank for rank, kind in enumerate(("PI", "MR", "PT", "", "PN", "XX", "U"))}
#: Types that don't: a number of one visit or account comes after the BSN.
PASSING_TYPES: Final = frozenset({"VN", "AN", "ACSN"})
BSN_LENGTH: Final = 9
HASH_LENGTH: Final = 32


def field(fields: Fields, number: int) -> str:
    """Return a field of a segment, raw with its repetitions; empty when it isn't there."""
    return fields[number] if number < len(fields) else ""


def named(raw: str) -> str:
    """Return the name of an authority (HD), or its universal id when it has no name."""
    name, _, rest = raw.partition("&")
    return plain(name) or plain(rest.partition("&")[0])


def own_names(context: ConvertContext) -> frozenset[str]:
    """Return the names under which a source gives out its own numbers.

    They are its record system, how it calls itself in MSH-3 and MSH-4, and ``own`` among its ``namespaces``.
    """
    header: Fields = context.record.top.f
    said = [plain(one) for at in (3, 4) for one in field(header, at).split("^")[:2]]
    return frozenset(["", context.system, context.namespaces.get("own", ""), *said])


@converter("client_key", raw=True, private=True)
def client_key(pid: Fields, context: ConvertContext) -> str | None:
    """Read a PID and return the client's key: the number at the source, else a keyed hash of the BSN.

    A number that the source itself gave out stands alone, as its other interfaces have it. That of another authority is named after
    it: two authorities may give one number to two people.
    """
    return _client(pid, (3, 2, 19), context)


@converter("prior_client_key", raw=True, private=True)
def prior_client_key(mrg: Fields, context: ConvertContext) -> str | None:
    """Read a MRG and return the key of the client that was: as ``client_key``.

    Raises:
        Unmappable: it is the client of the PID before it. Then something else about the client was put right, such as the BSN.
    """
    key = _client(mrg, (1, 4, 0), context)
    place = next((node for node in context.record.nodes.get("MRG", ()) if node.f is mrg), None)
    survivor = place.up.f if place is not None and place.up is not None else None
    if survivor is not None and key == client_key(survivor, context):
        raise Unmappable("nothing is merged: both numbers are of one client", "structure")
    return key


def _client(fields: Fields, places: tuple[int, int, int], context: ConvertContext) -> str | None:
    """Return the key of a client from the fields that hold the list of numbers, the old single number and the old BSN."""
    numbers = sorted(_numbers(field(fields, places[0]), context)) or sorted(_numbers(field(fields, places[1]), context))
    if numbers and not numbers[0][0]:
        return numbers[0][2]
    bsn = next(iter(_valid(_bsns(fields, places, context))), None)
    if bsn is not None:
        return "bsn-" + context.ids.keyed_hash(bsn).hex()[:HASH_LENGTH]
    return numbers[0][2] if numbers else None


def _numbers(raw: str, context: ConvertContext) -> list[tuple[bool, int, str]]:
    """Return the numbers of a client as (passing?, rank, key)."""
    found = []
    for one in raw.split("~") if raw else ():
        cx = parts(one, 5)
        number = plain(cx[0])
        if not number or is_national(cx, authority(cx[3], context)):
            continue
        name = named(cx[3])
        foreign = bool(name) and name not in own_names(context)
        rank = CLIENT_TYPES.get(cx[4], len(CLIENT_TYPES)) + foreign * 10
        found.append((cx[4] in PASSING_TYPES, rank, f"{name}|{number}" if foreign else number))
    return found


def _bsns(fields: Fields, places: tuple[int, int, int], context: ConvertContext) -> list[str]:
    """Return what a sender says is a BSN, valid or not: in the list of numbers, else where feeds before version 2.3.1 put it."""
    several, single, social = (field(fields, at) if at else "" for at in places)
    found = []
    for one in several.split("~"):
        cx = parts(one, 5)
        if is_national(cx, authority(cx[3], context)) and (cx[4] == "NNNLD" or not cx[3] or authority(cx[3], context) == BSN):
            found.append(plain(cx[0]))
    if not any(found):
        cx = parts(single.partition("~")[0], 5)
        number = plain(cx[0])
        if authority(cx[3], context) == BSN or cx[4] == "NNNLD" or (_looks_like_bsn(number) and not cx[3] and several):
            found.append(number)
        found.append(plain(social.partition("^")[0]))
    return [one for one in found if one]


def _looks_like_bsn(number: str) -> bool:
    return len(number) == BSN_LENGTH and bool(_valid([number]))


def _valid(numbers: list[str]) -> list[str]:
    """Return the numbers that are a BSN, each once."""
    found: dict[str, None] = {}
    for number in numbers:
        try:
            found[bsn_number(number)] = None
        except Unmappable:
            continue
    return list(found)


@converter("client_bsn", to="secret", raw=True, private=True)
def client_bsn(pid: Fields, context: ConvertContext) -> Any:
    """Read a PID and return the BSN: from any repetition of PID-3, else from PID-2 or PID-19 of older feeds.

    Raises:
        Unmappable: it fails the 11-proef, or there are two different ones: nobody could say which is this client's.
    """
    said = _bsns(pid, (3, 2, 19), context)
    if not said:
        return None
    valid = _valid(said)
    if len(valid) > 1:
        raise Unmappable("two different numbers")
    if not valid:
        raise Unmappable("fails the 11-proef, or isn't eight or nine digits")
    # Eight digits are nine of which a spreadsheet or a number field lost the leading zero.
    notes = (Note("value-invalid", "a second number fails the 11-proef", "the valid one taken"),) if len(said) > 1 else ()
    return Converted(valid[0], notes if any(not _valid([one]) for one in said) else ())


def professional_key(number: str, raw_authority: str, context: ConvertContext) -> str | None:
    """Return the key of a professional: the number alone for an AGB code or the source's own numbers, else with who gave it out.

    A sender writes the same person with and without authority in one message, so that a number without one counts as its own.
    """
    if not number:
        return None
    name = named(raw_authority)
    if not name or authority(raw_authority, context) == AGB_SYSTEM or name in own_names(context):
        return number
    return f"{name}|{number}"


def _xcn_authority(found: list[str]) -> str:
    """Return the assigning authority of an XCN; before version 2.3 the source table said it."""
    return found[8] or found[7]


@converter("professional_key", raw=True)
def xcn_key(value: str, context: ConvertContext) -> str | None:
    """Read a professional (XCN) and return the key: nothing when there is no number."""
    found = parts(value, 9)
    return professional_key(plain(found[0]), _xcn_authority(found), context)


def _shown(found: list[str]) -> str:
    """Return the name of an XCN as one line."""
    name = human_name([found[1], found[2], found[3], found[4], found[5], "", ""])
    return str(name["text"]) if name else ""


XCN_SOURCES: Final = {
    "value": "1",
    "system": "9",
    "family": "2.1",
    "_family": "2",
    "extension": "2",
    "given[0]": "3",
    "_given[0]": "3",
    "given": "4",
    "_given": "4",
    "suffix": "5",
    "prefix": "6",
    "reference": "1",
    "display": "2",
    "individual.reference": "1",
    "individual.display": "2",
}


@converter("XCN", to=("Identifier", "HumanName", "Reference", "string"), sources=XCN_SOURCES)
def xcn(value: str, context: ConvertContext) -> Any:
    """Read a professional: the number (to an Identifier), the name (HumanName, string), or both as a reference to the PractitionerRole.

    Without a number a reference shows the name alone.
    """
    found = parts(value, 13)
    target = context.row.target
    if target == "Identifier":
        number, name = plain(found[0]), _xcn_authority(found)
        return {"system": authority(name or "professional", context), "value": number} if number else None
    if target == "HumanName":
        return human_name([found[1], found[2], found[3], found[4], found[5], "", ""], "official")
    return (_shown(found) or None) if target == "string" else professional_reference(found, context)


def professional_reference(found: list[str], context: ConvertContext) -> dict[str, str] | None:
    """Return a reference to the role of a professional (components of an XCN, raw, at least nine); ``None`` without number and name."""
    key = professional_key(plain(found[0]), _xcn_authority(found), context)
    made = context.reference("PractitionerRole", "professional", key) if key else {}
    shown = _shown(found)
    if shown:
        made["display"] = shown
    return made or None


PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
#: v3-ParticipationType, with the names that the code system gives.
PARTICIPATIONS: Final = {
    "ATND": "attender",
    "REF": "referrer",
    "CON": "consultant",
    "ADM": "admitter",
    "PPRF": "primary performer",
    "PART": "Participation",
}


@converter(
    "participant", to="BackboneElement", options=("type",), sources={"individual.reference": "1", "individual.display": "2"}
)
def participant(value: str, context: ConvertContext) -> Any:
    """Read a professional (XCN) and return a participant of an Encounter with the ``type`` (v3-ParticipationType) of the row."""
    individual = professional_reference(parts(value, 9), context)
    if individual is None:
        return None
    code = str(context.options["type"])
    coding = {"system": PARTICIPATION, "code": code, "display": PARTICIPATIONS[code]}
    return {"type": [{"coding": [coding]}], "individual": individual}


PLACE: Final = (3, 0, 1, 2)


@converter("place_key", raw=True)
def place_key(value: str, context: ConvertContext) -> str | None:  # noqa: ARG001 - a converter is always handed its context
    """Read a location (PL) and return its key: facility, point of care, room and bed; nothing when all are empty."""
    found = parts(value, 4)
    pieces = [plain(found[at].partition("&")[0]) for at in PLACE]
    return "|".join(pieces) if any(pieces) else None


@converter("PL", to=("Identifier", "string", "Reference"), raw=True)
def pl(value: str, context: ConvertContext) -> Any:
    """Read a location: what it is called (point of care, room and bed), to an Identifier the whole with its facility, or a reference."""
    found = parts(value, 4)
    facility, *pieces = [plain(found[at].partition("&")[0]) for at in PLACE]
    shown = " / ".join([one for one in pieces if one]) or facility
    if not shown:
        return None
    if context.row.target == "string":
        return shown
    whole = "|".join([facility, *pieces])
    if context.row.target == "Reference":
        return {**context.reference("Location", "location", whole), "display": shown}
    return {"system": f"{BASE}/sid/{in_path(context.system)}/location", "value": whole}
