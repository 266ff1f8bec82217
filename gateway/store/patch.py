"""Merging of partial records: what is empty leaves as is, ``""`` removes, and what a client's record replaced stays replaced."""

from __future__ import annotations

from typing import Any, Final

# Elements of which a resource has one form at most (value[x]), in the types that are patched.
CHOICES: Final = ("deceased", "multipleBirth")
# A merge names one record that the survivor replaces (Patient.link); those of earlier merges are replaced all the same.
LINK: Final = "link"
REPLACES: Final = "replaces"


def merged(stored: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return the stored resource with a patch over it. Lists are replaced whole: their entries have no names to match by.

    Links to records that were replaced are added to, except to a record that the patch says something else of.
    """
    result = dict(stored)
    for key, value in patch.items():
        if value == "":
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        elif value not in (None, []):
            result = _without_other_form(result, key)
            result[key] = [*_replaced(result, value), *value] if key == LINK else value
    return {key: value for key, value in result.items() if value != {}}


def _without_other_form(result: dict[str, Any], key: str) -> dict[str, Any]:
    """Take away the form that an element had: ``deceasedDateTime`` stands instead of ``deceasedBoolean``, never beside it."""
    choice = next((one for one in CHOICES if key.lstrip("_").startswith(one)), None)
    if choice is None:
        return result
    return {
        name: value
        for name, value in result.items()
        if name.lstrip("_") == key.lstrip("_") or not name.lstrip("_").startswith(choice)
    }


def _replaced(stored: dict[str, Any], links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the stored links to records that this one replaces, other than those that new links are to."""
    named = [link.get("other") for link in links]
    return [link for link in stored.get(LINK, ()) if link.get("type") == REPLACES and link.get("other") not in named]
