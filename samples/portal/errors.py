"""The root of what the portal raises.

PortalError
├── Refused          a FHIR request not carried out     → an OperationOutcome
├── TokenRefused     an assertion that isn't accepted   → an OAuth 2 error
└── DropConnection   a planned fault                    → no answer at all
"""

from __future__ import annotations


class PortalError(Exception):
    """Anything that ends a request early."""


class DropConnection(PortalError):
    """The answer is to be no answer."""
