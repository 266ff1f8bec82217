"""Why something is forbidden or stopped: codes of closed lists. They stand in the trail for years, so nothing else is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.errors import Rejected

EXCLUSIONS: Final[Mapping[str, str]] = {
    "good-care": "who gives the care finds that it would harm",
    "client-asked": "the client asked for it",
    "representative-asked": "who represents the client asked for it",
    "family-conflict": "a conflict in the family",
    "third-party": "it tells of somebody else",
    "safety": "somebody's safety",
    "court": "a court decided it",
    "other": "as the care record says",
}
STOPS: Final[Mapping[str, str]] = {
    "death": "the client died",
    "end-of-care": "the care ended",
    "client-asked": "the client asked for it",
    "representative-asked": "who represents the client asked for it",
    "safety": "somebody's safety",
    "court": "a court decided it",
    "incident": "something went wrong, and is being looked into",
    "other": "as the care record says",
}


def known_reason(reason: str, reasons: Mapping[str, str]) -> str:
    """Return the reason, which is one of these. What was given isn't said back: it may be anybody's name.

    Raises:
        Rejected: it is none of them.
    """
    if reason not in reasons:
        raise Rejected(f"a reason is a code, and this is none; there are: {', '.join(reasons)}")
    return reason
