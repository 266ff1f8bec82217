"""What a FHIR string may not hold: control characters other than tab, line feed and carriage return (R4, datatypes: string).

Most converters drop them as they read. What puts a text together out of parts may not, so nothing is stored without this look.
"""

from __future__ import annotations

import re
from typing import Any, Final

FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
# In JSON they are escapes that begin so; a backslash before the letter in the text itself looks the same, and costs a look in vain.
ESCAPE: Final = b"\\u00"
# A string may not be blank either: this says that something stood there.
UNREADABLE: Final = "\ufffd"


def may_be_forbidden(json: bytes) -> bool:
    """Tell whether a resource, as JSON, is worth the look."""
    return ESCAPE in json


def allowed(value: Any) -> Any:
    """Return a resource, or a part of one, without the characters that no string may hold."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {name: allowed(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [allowed(part) for part in value]
    return value


def _text(text: str) -> str:
    if FORBIDDEN.search(text) is None:
        return text
    rest = FORBIDDEN.sub("", text)
    return rest if rest.strip() else UNREADABLE
