"""The sentence of a reason for this client at this portal, where the closed list's own can only be general: ages, sign-ins, links to come."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from gateway.disclosure.decide import Policy, Subscriber, Verdict, birthday
from gateway.disclosure.reasons import SENTENCES, Sentence
from gateway.insight.moment import NOT_YET, Member
from gateway.insight.words import day

# From which age on each holds (Wgbo).
AGES: Final[tuple[tuple[int, Sentence], ...]] = (
    (
        16,
        Sentence(
            nl="Deze persoon ziet dit niet: de cliënt is 16 of ouder en beslist zelf; wat een ouder gaf, telt pas "
            "als de cliënt het bevestigt.",
            en="This person does not see this: the client is 16 or older and decides alone; what a parent gave counts once "
            "the client confirms it.",
        ),
    ),
    (
        12,
        Sentence(
            nl="Deze persoon ziet dit niet: de cliënt is 12 tot en met 15 en beslist samen met de ouders; wat een ouder eerder gaf, telt pas "
            "als het opnieuw is bevestigd.",
            en="This person does not see this: the client is 12 to 15 and decides together with the parents; what a parent gave before counts "
            "once it is confirmed again.",
        ),
    ),
    (
        0,
        Sentence(
            nl="Deze persoon ziet dit niet: de cliënt is jonger dan 12; dan beslissen de ouders, en wat het kind zelf gaf, telt niet.",
            en="This person does not see this: the client is under 12; then the parents decide, and what the child gave itself does not count.",
        ),
    ),
)


def sentence_of(verdict: Verdict, member: Member, policy: Policy, at: datetime) -> Sentence:
    """Return the sentence of a verdict about one of the client's own items."""
    if verdict.code == "age-gate" and policy.birth_date is not None:
        return _of_age(policy.birth_date, at)
    if verdict.code == "step-up-missing":
        return _sign_in(member.subscriber)
    if verdict.code == "not-linked" and member.state == NOT_YET:
        return _not_yet(member)
    return SENTENCES[verdict.code]


def stronger_sign_in(subscriber: Subscriber) -> Sentence:
    """Say what would help where the sign-in is too weak: never the member, since nobody signs in to what is delivered beforehand."""
    needed, reached = subscriber.needed_acr, subscriber.acr
    return Sentence(
        nl=f"Wel zichtbaar als het portaal een aanmelding van niveau {needed} vraagt, of als de organisatie met niveau {reached} genoegen "
        "neemt; een extra aanmeldstap van deze persoon of een ander recht helpt niet.",
        en=f"Visible if the portal asked for a sign-in of level {needed}, or if the organisation were content with level {reached}; an extra "
        "sign-in step by this person or another right does not help.",
    )


def _of_age(born: date, at: datetime) -> Sentence:
    return next((sentence for age, sentence in AGES if birthday(born, age) <= at), AGES[-1][1])


def _sign_in(subscriber: Subscriber) -> Sentence:
    needed, reached = subscriber.needed_acr, subscriber.acr
    return Sentence(
        nl=f"Deze persoon ziet dit niet: aanmelden bij dit portaal haalt niveau {reached}, de organisatie vraagt hiervoor niveau {needed}.",
        en=f"This person does not see this: signing in to this portal reaches level {reached}, the organisation asks level {needed} for it.",
    )


def _not_yet(member: Member) -> Sentence:
    since = day(member.linked_at)
    return Sentence(
        nl=f"Deze persoon zag dit niet: er was nog geen koppeling met de cliënt bij dit portaal; die is er sinds {since.nl}.",
        en=f"This person did not see this: there was no link to the client at this portal yet; there is one since {since.en}.",
    )
