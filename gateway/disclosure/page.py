"""The page docs/disclosure.md, written from the code: ``python -m gateway.disclosure.page > docs/disclosure.md``."""

from __future__ import annotations

import sys

from gateway.canonical import AUDIENCE, CONFIDENTIALITY, RIGHT
from gateway.disclosure.classes import COLUMNS, OWN_RULES
from gateway.disclosure.decide import AUDIENCES, BASE_CLASSES, NEEDED_ACR
from gateway.disclosure.projections import ALWAYS, DIRECTORY_FIELDS
from gateway.disclosure.reasons import LADDER, SENTENCES
from gateway.disclosure.rules import CATEGORY, PURPOSE, RULES

# What each rule that sets a right aside looks at.
BARS = {
    "representation": "`statutory`, and the person has no mandate now whose scope covers it: `medical`, or for the circle's items `care`; "
    "a parent's authority ends when the client turns 18",
    "confirmation": "given by a parent, or `statutory` while all its mandates that cover it now are parental authority; and not confirmed "
    "since the client turned 12, or 16",
    "childhood": "given by the client, who is under 12",
}
PAGE = """# Who sees what

<!-- Generated from the code: python -m gateway.disclosure.page > docs/disclosure.md -->

Every stored resource is judged for every linked member by one predicate: the view `disclosure_verdict`
(`gateway/migrations/sql/0023_at_most.sql`). Its twin in plain Python is `gateway/disclosure/decide.py`, a list of rules by name; a property
test keeps the two equal. Silence means no, and what forbids wins from what permits. Delivery, accounting, explanations and pulls all ask the
view.

## Levels

A person has one level for a client at a time, by `zorgsluis grant set CLIENT PERSON LEVEL` (`{right}`):

| level | sees |
|---|---|
| `none` | nothing, not even that the client exists |
| `basic` | what is meant for the circle and what the class map shows to basic members, in the projection it names |
| `private-medical` | the trust group: also what is meant for it, whole |

A right can be narrowed to classes, to a period in which it holds and to a period of the data. {base} come with every right.
An exclusion forbids, to everybody or one person, everything, a class or one resource. Of several rights the one that comes furthest counts.

## Who gave the right

A right rests on the client's own word, on a representative's, or on the law (`statutory`: the person itself represents the client). It is set
aside, as if it weren't there, while who gave it can't give it:

| what sets it aside | reason |
|---|---|
{bars}

Birthdays begin at midnight in Amsterdam; who was born on 29 February has it on the 28th in other years. Without a birth date there is no age
gate. The next such moment of each client is kept (`client.next_change_at`), so time takes effect when it comes, without a slot. When the end
of a period comes (of a right, or of the care) what is at the portals is taken back, or kept while nothing new goes, as the organisation has it
(`organisation.expiry`, `organisation.freeze_at_end`). What is kept then, or when a client's sharing is stopped with a freeze, is what nothing
but that end or stop stands in the way of (`otherwise` of the view): what is deleted, withdrawn or excluded meanwhile is taken back. So is
what shows more than the right does by now (`at_most` of the view): when a level is lowered under a freeze, what is there whole goes, and as
nothing new is sent, its narrower form doesn't come in its place. Care workers and organisations stay with what is kept and refers to them, in
the version that is there, and go with the last of it (`gateway/freeze.py`).

## What other registries say

A registry such as Mitz may hold permissions and objections of the client. Each names an actor (a person; or the category `{category}`; or
nobody in particular), a purpose (`{purpose}` or none) and a resource (one item; or a class; or all). An objection that applies excludes, unless
a permission that applies is at least as specific in all three and more specific in one; where neither is more specific, the objection wins. A
permission never grants by itself.

## The sign-in

Everything but what is meant for the circle needs a sign-in of the organisation's level (`organisation.dossier_acr`, {needed} unless it says
otherwise), not longer ago than its `step_up_minutes` where it has them. A pull says what its sign-in reached and when (`app.acr`,
`app.auth_time` of its transaction; without a time it counts as too long ago). A push has no sign-in: there the level that the portal's manifest
declares for its step-up counts, 1 without one. It is all of the dossier or nothing of it.

## Classes and audiences

`class_map.csv` of a mapping (columns {columns}) says for each class key of a source its class, whom it is meant for, how a basic member sees
it, and its confidentiality. What isn't in it is seen by nobody. The audience of an item itself beats the one of its class. Audiences
(`{audience}`): {audiences}. A portal gets those that its manifest names. A message (Communication) without a known audience is the
trust group's; anything else without one is nobody's.

Stored bytes carry both in `meta.security`: confidentiality (`{confidentiality}`: `N` circle, `R` trust group, `V` never leaves) and audience.
The gateway's own class keys: {own}.

## Projections

A projection depends on the stored version and its name alone. Whatever it is, {always} stay.

| projection | of | leaves |
|---|---|---|
| `whole` | everything | everything; never a BSN, which is not in stored bytes at all |
| `reduced` | Appointment | `status`, `start`, `end`, `comment`, the text of `serviceType`, of `participant` only the Patient |
| `busy` | a family's Appointment, for care staff | `status`, `start`, `end`, the Patient; not for class maps; nothing sends it yet |
| `name-only` | Patient | `name` |
| `name-role` | RelatedPerson | `patient`, `name`, `relationship`; the person's own record is seen whole by that person |
| `directory` | see below | {directory} |

Directory resources (class `directory`, in nobody's compartment) travel with a permitted item that refers to them, directly or through another
directory resource, and go with the last one.

## Reasons

Exactly one per member and resource, the first that holds in this order. From `{ladder}` on it is about rights: of several, the one that comes
furthest down the list. `representation-missing` and `age-gate` are said when a right would permit, were it not set aside.

| code | Nederlands | English |
|---|---|---|
{reasons}
"""


def render() -> str:
    """Return the page."""
    return PAGE.format(
        right=RIGHT,
        audience=AUDIENCE,
        confidentiality=CONFIDENTIALITY,
        base=" and ".join(f"`{name}`" for name in sorted(BASE_CLASSES)),
        columns=", ".join(f"`{name}`" for name in COLUMNS),
        audiences=", ".join(f"`{name}`" for name in sorted(AUDIENCES)),
        own=", ".join(f"`{key}` (audience `{rule.audience}`)" for key, rule in OWN_RULES.items()),
        always=", ".join(f"`{name}`" for name in ALWAYS),
        directory="; ".join(
            f"{type_}: {', '.join(f'`{field}`' for field in fields)}" for type_, fields in DIRECTORY_FIELDS.items()
        ),
        bars="\n".join(f"| {BARS[bar.name]} | `{bar.code}` |" for bar in RULES.bars),
        category=CATEGORY,
        purpose=PURPOSE,
        needed=NEEDED_ACR,
        ladder=LADDER[0],
        reasons="\n".join(f"| `{code}` | {sentence.nl} | {sentence.en} |" for code, sentence in SENTENCES.items()),
    )


if __name__ == "__main__":
    sys.stdout.write(render())
