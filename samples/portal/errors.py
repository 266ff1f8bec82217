"""The root of what the portal raises.

PortalError
├── Refused          a FHIR request not carried out     → an OperationOutcome
├── TokenRefused     an assertion that isn't accepted   → an OAuth 2 error
├── DropConnection   a planned fault                    → no answer at all
├── Unclear          a form of which something is missing → say what; nothing was done
└── GatewayError     what was asked of a gateway isn't done
    ├── NotThere        it knows nothing of the kind    → one message, whatever the cause
    ├── NotAllowed      it may not be done so           → say so; nothing was done
    │   └── OtherClient     the page may be about another → a page of its own
    ├── TooOften        it was asked too often          → in how many minutes it can be tried again
    └── GatewaySilent   it gave no answer               → try again later
"""

from __future__ import annotations

from datetime import timedelta


class PortalError(Exception):
    """Anything that ends a request early."""


class DropConnection(PortalError):
    """The answer is to be no answer."""


class Unclear(PortalError):
    """A form doesn't say enough; the text says what is missing, to whoever filled it in."""


class GatewayError(PortalError):
    """A gateway didn't do what it was asked."""


class NotThere(GatewayError):
    """There is nothing of the kind, or not for who asked."""


class NotAllowed(GatewayError):
    """Who asks may not do this, or it was done already."""


class OtherClient(NotAllowed):
    """It isn't certain that the organisation's client is the one whom the page is about at another."""


class TooOften(GatewayError):
    """It can be asked again after ``wait``."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = wait


class GatewaySilent(GatewayError):
    """There was no answer, or none that can be used."""
