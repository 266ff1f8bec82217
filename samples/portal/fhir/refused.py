"""Why a request is refused, and the OperationOutcome that says so."""

from __future__ import annotations

import json
from typing import Final

from starlette.responses import Response

from samples.portal.errors import PortalError

FHIR_JSON: Final = "application/fhir+json; charset=utf-8"


class Refused(PortalError):
    """A request that the portal doesn't carry out: nothing of it was written."""

    def __init__(self, status: int, code: str, text: str, *, expression: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.expression = expression
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the answer: an OperationOutcome with one issue."""
        issue: dict[str, object] = {"severity": "error", "code": self.code, "diagnostics": self.text}
        if self.expression:
            issue["expression"] = [self.expression]
        body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}, ensure_ascii=False)
        return Response(body, self.status, self.headers, FHIR_JSON)


def entry_refused(index: int, status: int, code: str, text: str, element: str = "") -> Refused:
    """Return the refusal of a whole transaction for the sake of one entry, counted from 0."""
    return Refused(status, code, text, expression=f"Bundle.entry[{index}]{element}")
