"""Who a message is about and who took part: client, professional and place, by keys that are the same in every message of a source."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from gateway.canonical import BASE, BSN
from gateway.mapping.convert import ConvertContext, Converted, Note, Unmappable, converter
from gateway.mapping.datatypes import AGB_SYSTEM, MEMO, authority, in_path, is_national, parts, plain, unnamed_bsn, which
from gateway.mapping.datatypes_person import human_name
from gateway.mapping.people import bsn_number

Fields = list[str]
#: Types of number (table 0203) that stay with a client, the best first.
CLIENT_TYPES: Final = {kind: rank for rank, kind in enumerate(("PI", "MR", "PT", "", "PN", "XX", "U"))}
#: Types that don't: a number of one visit or account comes after the BSN.
PASSING_TYPES: Final = frozenset({"VN", "AN", "ACSN"})
LAST: Final = 100
HASH_LENGTH: Final = 32
#: Where a segment holds the list of numbers, the old single number, and the old BSN (0: nowhere).
PID_PLACES: Final = (3, 2, 19)
MRG_PLACES: Final = (1, 4, 0)


def field(fields: Fields, number: int) -> str:
    """Return a field of a segment, raw with its repetitions; empty when it isn't there."""
    return fields[number] if number < len(fields) else ""


def named(raw: str) -> str:
    """Return the name of an authority (HD), or its universal id when it has no name."""
    name, _, rest = raw.partition("&")
    return plain(name) or plain(rest.partition("&")[0])


# What senders call themselves, by system, own name and MSH-3 and 4.
_own_names: dict[tuple[str, ...], frozenset[str]] = {}
SENDERS: Final = 256


def own_names(context: ConvertContext) -> frozenset[str]:
    """Return the names under which a source gives out its own numbers.

    They are its record system, how it calls itself in MSH-3 and MSH-4, and ``own`` among its ``namespaces``.
    """
    header: Fields = context.record.top.f
    key = (context.system, context.row.namespaces.get("own", ""), *header[3:5])
    known = _own_names.get(key)
    if known is None:
        if len(_own_names) >= SENDERS:
            _own_names.clear()
        said = [plain(one) for at in (3, 4) for one in field(header, at).split("^")[:2]]
        known = _own_names[key] = frozenset([*key[:2], "", *said])
    return known


class Client(Struct, frozen=True):
    """The numbers of a client as a segment gives them: (passing?, rank, key) of each, and what is said to be a BSN."""

    numbers: list[tuple[bool, int, str]]
    bsns: list[str]


def _client(fields: Fields, places: tuple[int, int, int], context: ConvertContext) -> Client:
    """Return the numbers of a client, from the fields that hold the list, the old single number and the old BSN. Read once."""
    memo = context.record.memo
    place = ("client", id(fields), which(context))
    found: Client | None = memo.get(place)
    if found is None:
        several, single, social = [field(fields, at) if at else "" for at in places]
        found = memo[place] = Client([], [])
        for raw in several.split("~") if several else ():
            _take(found, (raw + "^^^^").split("^"), context)
        if not found.bsns:
            _take_old(found, parts(single.partition("~")[0], 5), social, context)
        found.numbers.sort()
    return found


def _take(client: Client, cx: list[str], context: ConvertContext) -> None:
    number = plain(cx[0]) if cx[0] else ""
    if not number:
        return
    issuer = _issuer(cx, context)
    if issuer.national:
        if issuer.service:
            client.bsns.append(number)
    elif not cx[3] and unnamed_bsn(cx, number):
        client.numbers.append((False, LAST, _hashed(number, context)))
    else:
        client.numbers.append((issuer.passing, issuer.rank, issuer.prefix + number))


class Issuer(Struct, frozen=True):
    """What the authority and type of a number say of it: ``national`` (``service``: a BSN), or how it ranks and what its key begins with."""

    national: bool
    service: bool
    passing: bool
    rank: int
    prefix: str


# Issuers by authority and type as they are sent, how the sender calls itself, system and namespaces (kept beside, as for authorities).
_issuers: dict[tuple[Any, ...], tuple[Any, Issuer]] = {}


def _issuer(cx: list[str], context: ConvertContext) -> Issuer:
    key = (cx[3], cx[4], *context.record.top.f[3:5], context.system, which(context))
    known = _issuers.get(key)
    if known is None:
        if len(_issuers) >= MEMO:
            _issuers.clear()
        known = _issuers[key] = (context.row.namespaces, _read_issuer(cx, context))
    return known[1]


def _read_issuer(cx: list[str], context: ConvertContext) -> Issuer:
    system = authority(cx[3], context)
    name = named(cx[3])
    foreign = bool(name) and name not in own_names(context)
    return Issuer(
        national=is_national(cx, system),
        service=cx[4] == "NNNLD" or not cx[3] or system == BSN,
        passing=cx[4] in PASSING_TYPES,
        rank=CLIENT_TYPES.get(cx[4], len(CLIENT_TYPES)) + foreign * 10,
        prefix=f"{name}|" if foreign else "",
    )


def _take_old(client: Client, cx: list[str], social: str, context: ConvertContext) -> None:
    """Take the numbers where feeds before version 2.3.1 put them: a single one beside the list, and a BSN of its own."""
    number = plain(cx[0]) if cx[0] else ""
    if number and (authority(cx[3], context) == BSN or cx[4] == "NNNLD" or unnamed_bsn(cx, number)):
        client.bsns.append(number)
    elif number and not client.numbers:
        _take(client, cx, context)
    if social and (number := plain(social.partition("^")[0])):
        client.bsns.append(number)


def _hashed(bsn: str, context: ConvertContext) -> str:
    return "bsn-" + context.ids.keyed_hash(bsn).hex()[:HASH_LENGTH]


def _key(client: Client, context: ConvertContext) -> str | None:
    """Return the key of a client: a number that stays, else the BSN's keyed hash, else a number of one visit."""
    numbers = client.numbers
    if numbers and not numbers[0][0]:
        return numbers[0][2]
    bsn = next(iter(_valid(client.bsns)), None)
    if bsn is not None:
        return _hashed(bsn, context)
    return numbers[0][2] if numbers else None


@converter("client_key", raw=True, private=True)
def client_key(pid: Fields, context: ConvertContext) -> str | None:
    """Read a PID and return the client's key: the number at the source, else a keyed hash of the BSN.

    A number that the source itself gave out stands alone, as its other interfaces have it. That of another authority is named after
    it: two authorities may give one number to two people.
    """
    return _key(_client(pid, PID_PLACES, context), context)


@converter("prior_client_key", raw=True, private=True)
def prior_client_key(mrg: Fields, context: ConvertContext) -> str | None:
    """Read a MRG and return the key of the client that was: as ``client_key``.

    Raises:
        Unmappable: it is the client of the PID before it. Then something else about the client was put right, such as the BSN.
    """
    key = _key(_client(mrg, MRG_PLACES, context), context)
    place = next((node for node in context.record.nodes.get("MRG", ()) if node.f is mrg), None)
    survivor = place.up.f if place is not None and place.up is not None else None
    if survivor is not None and key == client_key(survivor, context):
        raise Unmappable("nothing is merged: both numbers are of one client", "structure")
    return key


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
    said = _client(pid, PID_PLACES, context).bsns
    if not said:
        return None
    valid = _valid(said)
    if len(valid) > 1:
        raise Unmappable("two different numbers")
    if not valid:
        raise Unmappable("fails the 11-proef, or isn't eight or nine digits")
    if len(said) == 1:
        return valid[0]
    # Eight digits are nine of which a spreadsheet or a number field lost the leading zero.
    notes = (Note("value-invalid", "a second number fails the 11-proef", "the valid one taken"),)
    return Converted(valid[0], notes if any(not _valid([one]) for one in said) else ())


class Professional(Struct, frozen=True):
    """A professional as a message names one: the key (``None`` without a number), the reference to the role, and the name in one line."""

    key: str | None
    reference: str | None
    shown: str

    def referred(self) -> dict[str, str] | None:
        """Return a new reference; without a number it shows the name alone."""
        made = {"reference": self.reference} if self.reference else {}
        if self.shown:
            made["display"] = self.shown
        return made or None


def professional(raw: str, context: ConvertContext) -> Professional:
    """Read an XCN. One message names the same professional many times, so it is read once.

    The key is the number alone for an AGB code and for the source's own numbers, else with who gave it out. A sender writes the same
    person with and without authority in one message, so a number without one counts as its own.
    """
    memo = context.record.memo
    place = ("professional", raw, which(context))
    found: Professional | None = memo.get(place)
    if found is None:
        cx = parts(raw, 9)
        number, said = plain(cx[0]) if cx[0] else "", _xcn_authority(cx)
        name = named(said) if said else ""
        own = not name or authority(said, context) == AGB_SYSTEM or name in own_names(context)
        key = (number if own else f"{name}|{number}") if number else None
        reference = context.reference("PractitionerRole", "professional", key)["reference"] if key else None
        human = human_name([cx[1], cx[2], cx[3], cx[4], cx[5], "", ""])
        found = memo[place] = Professional(key, reference, human["text"] if human else "")
    return found


def _xcn_authority(found: list[str]) -> str:
    """Return the assigning authority of an XCN; before version 2.3 the source table said it."""
    return found[8] or found[7]


@converter("professional_key", raw=True, remembered=True)
def xcn_key(value: str, context: ConvertContext) -> str | None:
    """Read a professional (XCN) and return the key: nothing when there is no number."""
    return professional(value, context).key


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
}


@converter("XCN", to=("Identifier", "HumanName", "Reference", "string"), remembered=True, sources=XCN_SOURCES)
def xcn(value: str, context: ConvertContext) -> Any:
    """Read a professional: the number (to an Identifier), the name (HumanName, string), or both as a reference to the PractitionerRole.

    Without a number a reference shows the name alone.
    """
    target = context.row.target
    if target == "Reference":
        return professional(value, context).referred()
    if target == "string":
        return professional(value, context).shown or None
    found = parts(value, 9)
    if target == "HumanName":
        return human_name([found[1], found[2], found[3], found[4], found[5], "", ""], "official")
    number = plain(found[0])
    return {"system": authority(_xcn_authority(found) or "professional", context), "value": number} if number else None


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
    "participant",
    to="BackboneElement",
    options=("type",),
    remembered=True,
    sources={"individual.reference": "1", "individual.display": "2"},
)
def participant(value: str, context: ConvertContext) -> Any:
    """Read a professional (XCN) and return a participant of an Encounter with the ``type`` (v3-ParticipationType) of the row."""
    individual = professional(value, context).referred()
    if individual is None:
        return None
    code = str(context.options["type"])
    coding = {"system": PARTICIPATION, "code": code, "display": PARTICIPATIONS[code]}
    return {"type": [{"coding": [coding]}], "individual": individual}


PLACE: Final = (3, 0, 1, 2)


class Place(Struct, frozen=True):
    """A place as a message names it: facility, point of care, room and bed together, and what it is called within the facility."""

    whole: str
    shown: str

    def referred(self, context: ConvertContext) -> dict[str, str]:
        """Return a new reference to the Location."""
        return {**context.reference("Location", "location", self.whole), "display": self.shown}


def place(raw: str, context: ConvertContext) -> Place | None:
    """Read a location (PL), once a message; ``None`` when facility, point of care, room and bed are all empty."""
    memo = context.record.memo
    at = ("place", raw)
    if at not in memo:
        found = parts(raw, 4)
        pieces = [plain(found[one].partition("&")[0]) if found[one] else "" for one in PLACE]
        shown = " / ".join([one for one in pieces[1:] if one]) or pieces[0]
        memo[at] = Place("|".join(pieces), shown) if shown else None
    made: Place | None = memo[at]
    return made


@converter("place_key", raw=True, remembered=True)
def place_key(value: str, context: ConvertContext) -> str | None:
    """Read a location (PL) and return its key: facility, point of care, room and bed; nothing when all are empty."""
    found = place(value, context)
    return found.whole if found else None


@converter("PL", to=("Identifier", "string", "Reference"), remembered=True, raw=True)
def pl(value: str, context: ConvertContext) -> Any:
    """Read a location: what it is called (point of care, room and bed), to an Identifier the whole with its facility, or a reference."""
    found = place(value, context)
    if found is None:
        return None
    if context.row.target == "string":
        return found.shown
    if context.row.target == "Reference":
        return found.referred(context)
    return {"system": f"{BASE}/sid/{in_path(context.system)}/location", "value": found.whole}


@converter("stay_place", to="BackboneElement", options=("status",), remembered=True, raw=True)
def stay_place(value: str, context: ConvertContext) -> Any:
    """Read a location (PL) and return a location of an Encounter with the ``status`` of the row, if it has one."""
    found = place(value, context)
    return {"location": found.referred(context), **context.row.options} if found else None
