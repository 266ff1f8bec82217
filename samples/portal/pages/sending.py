"""What goes out of the pages: links by e-mail, codes by text message or spoken to a home telephone."""

from __future__ import annotations

from typing import Final

from samples.portal.confirmations import Purpose
from samples.portal.messages import Channel
from samples.portal.portal import Portal
from samples.portal.sessions import Session

# kind of number → how it is reached
CHANNELS: Final[dict[str, Channel]] = {"mobile": "sms", "landline": "voice"}
LINK_WORDS: Final[dict[Purpose, str]] = {
    "device": "U meldt zich aan op een apparaat dat wij nog niet kennen. Bent u dit zelf? Bevestig het dan binnen 3 minuten, op dat apparaat.",
    "dossier": "U wilt het dossier openen. Bent u dit zelf? Bevestig het dan binnen 3 minuten, op het apparaat waarop u bent aangemeld.",
    "number": "U wilt een telefoonnummer wijzigen. Bent u dit zelf? Bevestig het dan binnen 3 minuten; dan krijgt het nieuwe nummer een code.",
}


def mail_link(portal: Portal, session: Session, purpose: Purpose, **detail: str) -> None:
    """Send a link that works once, for three minutes, in the browser that asked for it."""
    token = portal.confirmations.link(session, purpose, **detail)
    account = session.account
    portal.messages.send("email", account.email, LINK_WORDS[purpose], account=account.account, link=f"/link/{token}")


def send_code(portal: Portal, session: Session, purpose: Purpose, channel: Channel, number: str, /, **detail: str) -> None:
    """Send a code of six digits; a spoken one digit by digit, twice."""
    code = portal.confirmations.code(session, purpose, **detail)
    digits = ", ".join(code)
    words = {
        "sms": f"Uw code voor de zorgpagina is {code}. Hij is 3 minuten geldig. Geef hem aan niemand.",
        "voice": f"Goedendag. Uw code voor de zorgpagina is: {digits}. Ik herhaal: {digits}. Geef hem aan niemand.",
    }
    portal.messages.send(channel, number, words[channel], account=session.account.account)
