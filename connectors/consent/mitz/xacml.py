"""The closed question and its answer in the JSON profile of XACML 3.0.

Which attributes a question has, and their code systems, is Mitz's own (IHE APPC and XUA, OTV); the SOAP around it is left to a gateway of
VZVZ's or of a supplier. Identifiers are OIDs: BSN, URA, type of provider (Vektis/RoleCodeNL), category of data (Mitz's catalogue).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.errors import PermanentError
from gateway.registry import Answer, Decision, Question

BSN: Final = "2.16.840.1.113883.2.4.6.3"
URA: Final = "2.16.528.1.1007.3.3"
PROVIDER_TYPE: Final = "2.16.840.1.113883.2.4.15.1060"
DATA_CATEGORY: Final = "2.16.840.1.113883.2.4.3.111.5.10.1"
PURPOSE: Final = "2.16.840.1.113883.1.11.20448"
INSTANCE, CODED = "urn:hl7-org:v3#II", "urn:hl7-org:v3#CV"

DECISIONS: Final[Mapping[str, Decision]] = {
    "Permit": "permit",
    "Deny": "deny",
    "Indeterminate": "indeterminate",
    "NotApplicable": "indeterminate",
}
# A status is a URN of XACML; anything else is the far side's own words, which aren't repeated.
STATUS: Final = re.compile(r"urn:oasis:names:tc:xacml:1\.0:status:([a-z-]{1,40})")
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Code(msgspec.Struct):
    Value: str = ""


class _Status(msgspec.Struct):
    StatusCode: _Code = msgspec.field(default_factory=_Code)


class _Result(msgspec.Struct):
    Decision: str
    Status: _Status = msgspec.field(default_factory=_Status)


class _Response(msgspec.Struct):
    Response: list[_Result]


def request(question: Question, holder: Mapping[str, str]) -> bytes:
    """Return the body of a question about what we (``holder``: ura and category) hold of a client."""
    asked = {
        "Request": {
            "CombinedDecision": False,
            "ReturnPolicyIdList": False,
            "Resource": [
                _attributes(
                    _instance("urn:oasis:names:tc:xacml:2.0:resource:resource-id", BSN, question.bsn),
                    _coded(
                        "urn:ihe:iti:appc:2016:document-entry:healthcare-facility-type-code", PROVIDER_TYPE, holder["category"]
                    ),
                    _instance("urn:ihe:iti:appc:2016:author-institution:id", URA, holder["ura"]),
                )
            ],
            "Action": [
                _attributes(_coded("urn:ihe:iti:appc:2016:document-entry:event-code", DATA_CATEGORY, question.data)),
            ],
            "AccessSubject": [
                _attributes(
                    _instance("urn:nl:otv:names:tc:1.0:subject:provider-institution", URA, question.provider),
                    _coded(
                        "urn:nl:otv:names:tc:1.0:subject:consulting-healthcare-facility-type-code",
                        PROVIDER_TYPE,
                        question.category,
                    ),
                )
            ],
            "Environment": [_attributes(_coded("urn:oasis:names:tc:xspa:1.0:subject:purposeofuse", PURPOSE, "TREAT"))],
        }
    }
    return msgspec.json.encode(asked)


def answer(body: bytes) -> Answer:
    """Read the one result of an answer.

    Raises:
        PermanentError: it isn't one answer to one question.
    """
    try:
        found = msgspec.json.decode(body, type=_Response).Response
    except UNREADABLE:
        raise PermanentError("the registry's answer can't be read") from None
    if len(found) != 1 or found[0].Decision not in DECISIONS:
        raise PermanentError("the registry gave no answer to the question")
    status = STATUS.fullmatch(found[0].Status.StatusCode.Value)
    return Answer(decision=DECISIONS[found[0].Decision], status=status[1] if status else "unknown")


def _attributes(*attributes: dict[str, Any]) -> dict[str, Any]:
    return {"Attribute": list(attributes)}


def _instance(name: str, root: str, extension: str) -> dict[str, Any]:
    return {"AttributeId": name, "DataType": INSTANCE, "Value": {"root": root, "extension": extension}}


def _coded(name: str, system: str, code: str) -> dict[str, Any]:
    return {"AttributeId": name, "DataType": CODED, "Value": {"code": code, "codeSystem": system}}
