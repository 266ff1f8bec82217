"""The settings of a neighbour, held against what its connector says may be set: a mistake is named by its key before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from gateway.errors import Misconfigured

# These say which key is missing or unknown; other messages quote the value, which is nobody's business.
NAMES_KEYS: Final = {"required": "lacks a key", "additionalProperties": "has a key that its connector doesn't know"}


def check_settings(neighbour: str, settings: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Say nothing when the settings are what the connector takes.

    Raises:
        Misconfigured: they aren't; the text names the neighbour and the key, never a value.
    """
    found = min(Draft202012Validator(schema).iter_errors(dict(settings)), key=lambda error: error.json_path, default=None)
    if found is not None:
        raise Misconfigured(f"{neighbour}: {_place(found)} {_what(found)}; correct it in zorgsluis.yaml")


def _place(error: ValidationError) -> str:
    return ".".join(["settings", *map(str, error.absolute_path)])


def _what(error: ValidationError) -> str:
    if error.validator in NAMES_KEYS:
        return f"{NAMES_KEYS[error.validator]}: {error.message}"
    if error.validator in ("oneOf", "anyOf"):
        choices = cast("list[dict[str, Any]]", error.validator_value)
        ways = " or ".join(" and ".join(way.get("required", ())) for way in choices)
        return f"must have {ways}"
    return f"isn't right: its {error.validator} must be {error.validator_value}"
