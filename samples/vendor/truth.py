"""What each member may hold of what Vesta told, said by Vesta itself, in the form of the sample ECD's truth.

A line names the message that last changed a thing: whoever takes the messages in knows a resource by the record that made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from samples.ecd.records import Link, Record
from samples.ecd.truth import GRANT, NEVER, REDUCED, WHOLE
from samples.vendor.world import STREAM, Thing, World


def truth_lines(world: World) -> Iterator[Record]:
    """Yield a summary line for each kind of message, then a line for each (thing, member)."""
    for kind, count in sorted(Counter(message.kind for message in world.messages).items()):
        yield {"summary": STREAM, "kind": kind, "records": count}
    members = world.members()
    for thing in world.things.values():
        for member in [*members.get(thing.client, ())] or [None]:
            yield _line(thing, member)


def _line(thing: Thing, member: Link | None) -> Record:
    expect, reason = judge(thing, member)
    return {
        "stream": STREAM,
        "key": thing.told,
        "part": thing.name,
        "client": thing.client,
        "person": member.person if member else None,
        "member_key": member.member_key if member else None,
        "kind": thing.kind,
        "expect": expect,
        "reason": reason,
        "yields": {thing.type: 1},
        "says": list(thing.says) if expect == WHOLE else [],
    }


def judge(thing: Thing, member: Link | None) -> tuple[str, str]:
    """Return what a member gets of a thing, and why. The reasons come in a fixed order; the first that holds is given."""
    if member is None:
        return NEVER, "not-linked"
    if thing.closed:
        return NEVER, thing.closed
    if member.level == "none":
        return NEVER, "no-grant"
    if member.level == "basic" and thing.sort == "dossier":
        return NEVER, "level-too-low"
    if thing.sort == "relation":
        return (WHOLE if thing.person == member.person else REDUCED), GRANT
    return (WHOLE if member.level == "private-medical" else REDUCED), GRANT
