"""Messages to split, and what they are made of."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

AT = datetime(2026, 3, 10, 14, 30, 5, tzinfo=timezone(timedelta(hours=1)))
MSH = "MSH|^~\\&|ECD|HUIS|GATEWAY|GATEWAY|20260310143005||{event}|{control_id}|P|2.5||||||{charset}"
PID = "PID|1||0012345^^^ECD^PI||Jansen^Els"
PV1 = "PV1|1|I|PG2^204^1"

# Fields with everything that a field may hold, escapes whole and text that looks like more.
PLAIN = st.text(st.sampled_from("aZ09 .,-+/()'_ëÉß€ïþ李😀"), max_size=8)
ESCAPES = st.sampled_from(["\\T\\", "\\F\\", "\\S\\", "\\R\\", "\\E\\", "\\.br\\", "\\XC3A9\\", "\\H\\", "\\Zabc\\", '""', ""])
PARTS = st.lists(st.one_of(PLAIN, ESCAPES, st.sampled_from(["^", "~", "&"])), max_size=6).map("".join)
NAMES = st.sampled_from(["PID", "PV1", "OBX", "NTE", "OBR", "ZZ1", "IN1"])
SEGMENTS = st.lists(st.builds(lambda name, fields: [name, *fields], NAMES, st.lists(PARTS, max_size=6)), max_size=6)


def msh(event: str = "ADT^A08^ADT_A01", control_id: str = "1", charset: str = "") -> str:
    """Return a header segment."""
    return MSH.format(event=event, control_id=control_id, charset=charset).rstrip("|")


def message(*segments: str, event: str = "ADT^A08^ADT_A01", charset: str = "", end: str = "\r") -> str:
    """Return the text of a message; without segments one that is complete."""
    return "".join(line + end for line in (msh(event, charset=charset), *(segments or (PID, PV1))))


def lines(segments: list[list[str]]) -> list[str]:
    """Return split segments, MSH first, as their text again."""
    head, *rest = segments
    return ["|".join([head[0], *head[2:]]), *("|".join(fields) for fields in rest)]
