"""Problems, goals and pathways: which of them belong together. The message groups them by position alone."""

from __future__ import annotations

from typing import Any, Final

from gateway import er7
from gateway.mapping import ConvertContext, converter
from gateway.mapping.converters import clean
from gateway.mapping.datatypes import NULL, plain
from gateway.mapping.datatypes_identity import client_key, field, xcn
from gateway.mapping.er7tree import Node, Tree, scope
from mappings.hl7v2.appointments import numbered

ACTION, INSTANCE, SENSITIVITY, NOTE = 1, 4, 25, 3
GOAL_MESSAGE: Final = "PGL"
UNLINK: Final = "UN"
USUAL: Final = frozenset({"", "U", "N"})


@converter("own_notes", to=("string", "markdown"), options=(), private=True, raw=True)
def own_notes(_: list[str], context: ConvertContext) -> str | None:
    """Read the notes that stand right under the item's segment, one a line. Those of its neighbours are theirs."""
    notes = context.item.below("NTE")
    if not notes:
        return None
    said = [one for note in notes for one in field(note.f, NOTE).split("~")]
    return clean("\n".join(er7.unescape(one) for one in said if one and one != NULL)) if said else None


@converter("responsible", to="Reference", options=(), raw=True)
def responsible(_: list[str], context: ConvertContext) -> dict[str, Any] | None:
    """Read who is named right under the item's segment (ROL-4, in newer versions PRT-5) and return the PractitionerRole, or the name alone."""
    named = next((field(node.f, at) for name, at in (("ROL", 4), ("PRT", 5)) for node in context.item.below(name)), "")
    made: dict[str, Any] | None = xcn(named.partition("~")[0], context) if named else None
    return made


@converter("addressed_problem", to="Reference", options=(), raw=True)
def addressed_problem(value: list[str], context: ConvertContext) -> dict[str, Any] | None:
    """Read a goal or a pathway and return the problem that it is for.

    In a problem message that is the problem before it; in a goal message the first one under the goal. A link that is taken away
    (``UN``) yields nothing, nor does a problem that stays with the provider: whoever may see the goal may not see that it exists.
    """
    problem = _problem(context.record, context.item)
    if problem is None or UNLINK in (field(value, ACTION), field(problem.f, ACTION)) or sensitive(problem.f, context):
        return None
    key = numbered(field(problem.f, INSTANCE).partition("~")[0], context)
    client = client_key(scope(context.record, problem, "PID").f, context)
    return context.reference("Condition", "problem", client, key) if client and key else None


@converter("sensitive", raw=True)
def sensitive(value: list[str], context: ConvertContext) -> str | None:  # noqa: ARG001 - a converter is always handed both
    """Read a problem and answer whether it stays inside: anything but usual sensitivity (PRB-25, table 0177) does."""
    return None if plain(field(value, SENSITIVITY).partition("^")[0]).upper() in USUAL else "sensitive"


def _problem(tree: Tree, node: Node) -> Node | None:
    problems = tree.nodes.get("PRB", ())
    if not field(tree.top.f, 9).startswith(GOAL_MESSAGE):
        return next((one for one in reversed(problems) if one.i < node.i and _patient(one) is _patient(node)), None)
    following = [one.i for one in tree.nodes.get(node.name, ()) if one.i > node.i]
    last = min(following, default=10**9)
    return next((one for one in problems if node.i < one.i < last and _patient(one) is _patient(node)), None)


def _patient(node: Node) -> Node:
    """Return the segment at the top of the branch that a segment is on: its PID."""
    at = node
    while at.up is not None and at.up.up is not None:
        at = at.up
    return at
