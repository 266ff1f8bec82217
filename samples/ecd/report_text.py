"""Turns scenes into the text of one report about one client."""

from __future__ import annotations

import html
from random import Random

from samples.ecd import scenes
from samples.ecd.chance import one
from samples.ecd.people import Profile
from samples.ecd.scenes import Scene

_WOMAN = {"M": "Mevr.", "m": "mevr.", "Zij": "Zij", "zij": "zij", "haar": "haar", "zijn": "haar"}
_MAN = {"M": "Dhr.", "m": "dhr.", "Zij": "Hij", "zij": "hij", "haar": "hem", "zijn": "zijn"}

_BY_TYPE = {
    108: scenes.STOOL,
    109: scenes.MEDICAL,
    110: scenes.PROGRESS,
    111: scenes.FAMILY,
    999: scenes.UNAGREED,
}


def write(rng: Random, profile: Profile, report_type: int, hour: int) -> str:
    """Return what a carer writes in a report of this type at this hour."""
    return _fill(rng, profile, one(rng, _scenes(rng, profile, report_type, hour)))


def from_portal(rng: Random, profile: Profile) -> str:
    """Return what someone of the family wrote in the portal."""
    return _fill(rng, profile, one(rng, scenes.FROM_PORTAL))


def soap_line(rng: Random, profile: Profile, part: str, case: int) -> str:
    """Return one line of a SOEP report; the lines of one case belong together."""
    return _fill(rng, profile, ((scenes.SOAP[part][case],),))


def escape(text: str) -> str:
    """Escape once, as the stream gives report texts: ``'s ochtends`` becomes ``&#x27;s ochtends``."""
    return html.escape(text, quote=True)


def _scenes(rng: Random, profile: Profile, report_type: int, hour: int) -> tuple[Scene, ...]:
    if report_type in _BY_TYPE:
        return _BY_TYPE[report_type]
    if rng.random() < 0.35:
        return scenes.BY_CONDITION[one(rng, sorted(profile.conditions))]
    if rng.random() < 0.2:
        return scenes.GENERAL
    return scenes.EVENING if hour >= 16 else scenes.MORNING


def _fill(rng: Random, profile: Profile, scene: Scene) -> str:
    words = dict(_WOMAN if profile.gender == "female" else _MAN, C=profile.contact)
    picked = (one(rng, slot) for slot in scene)
    sentences = [text.format_map(words) for text in picked if text]
    return " ".join(sentence[0].upper() + sentence[1:] if not index else sentence for index, sentence in enumerate(sentences))
