"""The data types of HL7 v2 that hold times and numbers: DTM (TS, DT), NM and SN."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.mapping.convert import ConvertContext, Converted, Note, Unmappable, converter
from gateway.mapping.converters import in_range, number
from gateway.mapping.datatypes import parts, plain
from gateway.mapping.moments import stamp
from gateway.mapping.quantities import UCUM

YEAR, MONTH, DAY, HOUR, MINUTE, SECOND = 4, 6, 8, 10, 12, 14
HOUR_ALONE: Final = Note("value-invalid", "a time of which only the hour is given", "minutes written as 00")
OFFSET: Final = 5
WHOLE: Final = SECOND + OFFSET
MEMO: Final = 4096
# The offset of a zone in one hour of one day, for hours in which it doesn't change. Times of messages lie close together.
_offsets: dict[tuple[str, str], str] = {}
# Moments with their offset: one message says the same one many times.
_moments: dict[str, str] = {}


@converter("DTM", to=("date", "dateTime", "instant"), raw=True, alone=True)
def dtm(value: str, context: ConvertContext) -> Any:
    """Read a date or time (``20260310143005+0100``, ``202603101430``, ``20260310``, ``2026``) with the precision that it has.

    A time without offset is wall time in the row's zone. Days and months that are unknown (``19380000``) are left out. For a date
    the day as it is written counts, whatever the offset: a birthday moves to no other zone.

    Raises:
        Unmappable: no such form, no such moment, or neither offset nor zone.
    """
    if len(value) == WHOLE and context.row.target != "date":
        known = _moments.get(value) or _whole(value)
        if known is not None:
            return known
    text = value.partition("^")[0].strip()
    if not text:
        return None
    if len(text) > DAY and context.row.target != "date":
        return _moment(text, context.row.zone)
    if context.row.target == "instant":
        raise Unmappable("a moment needs a time")
    return _day(text[:DAY])


def _whole(text: str) -> str | None:
    """Return a moment to the second with its offset, the form that most senders use; ``None`` for anything else."""
    if not (text[SECOND] in "+-" and text[:SECOND].isdigit() and text[15:].isdigit() and text.isascii()):
        return None
    made = f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:17]}:{text[17:]}"
    try:
        datetime.fromisoformat(made)
    except ValueError:
        return None
    if len(_moments) >= MEMO:
        _moments.clear()
    _moments[text] = made
    return made


def _day(text: str) -> str:
    size = len(text)
    if size == DAY and text.isdigit() and text.isascii():
        made = f"{text[:4]}-{text[4:6]}-{text[6:]}"
        try:
            date.fromisoformat(made)
        except ValueError:
            pass
        else:
            return made
    if size not in (YEAR, MONTH, DAY) or not (text.isdecimal() and text.isascii()):
        raise Unmappable("not a date")
    while size > YEAR and text[size - 2 : size] == "00":
        size -= 2
    try:
        datetime(int(text[:4]), int(text[4:6]) if size > YEAR else 1, int(text[6:8]) if size == DAY else 1)  # noqa: DTZ001 - a check
    except ValueError:
        raise Unmappable("no such day") from None
    return "-".join((text[:4], text[4:6], text[6:8])[: size // 2 - 1])


def _moment(text: str, zone: ZoneInfo | None) -> Any:
    digits, offset = text, ""
    if text[-1] in "Zz":
        digits, offset = text[:-1], "Z"
    elif text[-OFFSET] in "+-":
        digits, offset = text[:-OFFSET], f"{text[-OFFSET:-2]}:{text[-2:]}"
    whole, point, fraction = digits.partition(".")
    size = len(whole)
    if size == DAY:
        return _day(whole)
    if size not in (HOUR, MINUTE, SECOND) or not whole.isdecimal() or (point and not fraction.isdecimal()) or not text.isascii():
        raise Unmappable("not a date and time")
    padded = whole if size == SECOND else whole + "0000"[: SECOND - size]
    wall = f"{padded[:4]}-{padded[4:6]}-{padded[6:8]}T{padded[8:10]}:{padded[10:12]}:{padded[12:]}"
    try:
        datetime.fromisoformat(wall + ("+00:00" if offset == "Z" else offset))
    except ValueError:
        raise Unmappable("no such moment") from None
    made = f"{wall}{point}{fraction}"
    answer: Any = made + offset if offset else _local(made, padded[:HOUR], zone)
    if size == HOUR:
        known = answer if isinstance(answer, Converted) else Converted(answer)
        return Converted(known.value, (*known.issues, HOUR_ALONE))
    return answer


def _local(made: str, hour: str, zone: ZoneInfo | None) -> Any:
    """Return wall time with the offset of the zone; an hour in which the clock changes goes the long way, with its remark."""
    if zone is None:
        raise Unmappable("a time without offset, and no zone is set")
    offset = _offsets.get((zone.key, hour))
    if offset is None:
        offset = _steady(hour, zone)
        if len(_offsets) >= MEMO:
            _offsets.clear()
        _offsets[zone.key, hour] = offset
    return made + offset if offset else stamp(made, zone)


def _steady(hour: str, zone: ZoneInfo) -> str:
    """Return the offset of a whole hour as ``+01:00``, empty when it changes in it or is no number of minutes."""
    start = datetime(int(hour[:4]), int(hour[4:6]), int(hour[6:8]), int(hour[8:]), tzinfo=zone)
    ends = (start, start.replace(fold=1), start.replace(minute=59), start.replace(minute=59, fold=1))
    found = {one.utcoffset() for one in ends}
    one = found.pop()
    if found or one is None or one % timedelta(minutes=1) or start.year in (1, 9999):
        return ""
    return start.isoformat()[19:]


COMPARED: Final = ("<=", ">=", "<", ">")
SEPARATED: Final = ("-", ":", "/")
NUMBER_SOURCES: Final = {"value": "1", "comparator": "1"}


@converter(
    "NM", to=("Quantity", "SimpleQuantity", "Age", "Duration", "decimal"), options=("unit", "min", "max", "allow"), raw=True
)
def nm(value: str, context: ConvertContext) -> Any:
    """Read a number with the unit of the row (OBX-6, a CWE): its digits are kept, a comma counts as a point, ``<5`` has a comparator.

    Raises:
        Unmappable: not a number, outside the row's range, or in a unit that the row doesn't allow.
    """
    text = plain(value)
    if not text:
        return None
    comparator = next((one for one in COMPARED if text.startswith(one)), "") if text[0] in "<>" else ""
    return _quantity(comparator, text[len(comparator) :].strip(), context)


def _quantity(comparator: str, text: str, context: ConvertContext) -> Any:
    whole, _, rest = text.partition(".")
    easy = len(text) < 18 and whole.isdecimal() and text.isascii() and (rest.isdecimal() or whole == text)
    made = in_range(Decimal(text) if easy else number(text), context.options)
    if context.row.target == "decimal":
        return made
    content: dict[str, Any] = {"value": made}
    if comparator:
        content["comparator"] = comparator
    return _with_unit(content, context)


def _with_unit(content: dict[str, Any], context: ConvertContext) -> Any:
    """Add the unit: by the units file for how the sender codes or writes it. One that it doesn't know stays text, without a code."""
    unit = str(context.unit or "")
    coded, _, rest = unit.partition("^")
    code, text = plain(coded), plain(rest.partition("^")[0])
    default = context.options.get("unit")
    said = text or code
    units = context.units
    meaning = (units.find(code) or (units.find(text) if text else None)) if units is not None and said else None
    if meaning is None and default is not None and said in ("", default):
        meaning = (default, default)
    allow = context.options.get("allow")
    if allow is not None and (meaning is None or meaning[0] not in allow):
        raise Unmappable("not a unit that is allowed here", "unit-unknown")
    if meaning is not None:
        content |= {"unit": said or meaning[1], "system": UCUM, "code": meaning[0]}
        return content
    if not said:
        return Converted(content, (Note("unit-unknown", "there is no unit", "number kept without unit"),))
    content["unit"] = said
    return Converted(content, (Note("unit-unknown", "the units file doesn't know this unit", "unit kept as text"),))


@converter("SN", to=("Quantity", "Range", "Ratio"), options=("unit", "min", "max", "allow"), raw=True)
def sn(value: str, context: ConvertContext) -> Any:
    """Read a structured number: ``>^100`` (Quantity), ``^2^-^5`` (Range), ``^1^:^128`` (Ratio), by the target of the row.

    Answers with nothing when the form is another than the target's, so that a row for each of the three can follow one another.

    Raises:
        Unmappable: not a number, outside the row's range, or in a unit that the row doesn't allow.
    """
    found = parts(value, 4)
    comparator, first, between, second = (plain(one) for one in found[:4])
    form = "Quantity" if not between else "Range" if between == "-" else "Ratio" if between in ("/", ":") else ""
    if form != context.row.target or not first:
        return None
    if form == "Quantity":
        return _quantity("" if comparator in ("=", "<>") else comparator, first, context)
    low, high = _part(_quantity("", first, context)), _part(_quantity("", second, context))
    names = ("low", "high") if form == "Range" else ("numerator", "denominator")
    return dict(zip(names, (low, high), strict=True))


def _part(made: Any) -> Any:
    return made.value if isinstance(made, Converted) else made
