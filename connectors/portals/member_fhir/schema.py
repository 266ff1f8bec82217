"""The settings of a portal of this contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.connector import MANIFEST_SCHEMA

ADDRESS: Final = {"type": "string", "format": "uri", "pattern": "^https?://"}
FILE: Final = {"type": "string", "minLength": 1}

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["base_url", "secrets"],
    "additionalProperties": False,
    "properties": {
        "base_url": ADDRESS,
        "token_url": ADDRESS,
        "client_id": {"type": "string", "minLength": 1},
        "origin": {
            "type": "string",
            "minLength": 1,
            "description": "how the ECD names what came from this portal: it isn't sent back",
        },
        "ca_file": {**FILE, "description": "the authority of the portal's certificate, when it is no public one"},
        "ids": {"enum": ["client", "portal"], "description": "portal: it refuses our ids and gives its own"},
        "manifest": MANIFEST_SCHEMA,
        "secrets": {
            "type": "object",
            "required": ["key"],
            "additionalProperties": False,
            # A certificate without its key is nothing, and the other way round.
            "dependentRequired": {"tls_certificate": ["tls_key"], "tls_key": ["tls_certificate"]},
            "properties": {
                "key": {**FILE, "description": "file with the private JWK", "format": "password"},
                "tls_certificate": {
                    **FILE,
                    "description": "our certificate (PEM), where the portal asks for one",
                    "format": "password",
                },
                "tls_key": {**FILE, "description": "its key (PEM)", "format": "password"},
            },
        },
    },
}
