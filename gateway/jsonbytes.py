"""JSON as bytes, with every digit kept.

FHIR decimals carry their precision (``72.50`` is not ``72.5``), so numbers with a fraction are Decimals inside and come out as
they went in.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted")

DecodeError = msgspec.DecodeError


def loads(data: bytes | str) -> Any:
    """Parse JSON; numbers with a fraction become Decimal. Raises ``DecodeError``."""
    return _decoder.decode(data)


#: Write JSON as UTF-8 bytes in the order of the dict; Decimals as plain numbers with their digits. Bare, since it runs for every resource.
dumps: Final[Callable[[Any], bytes]] = _encoder.encode


def canonical(value: Any) -> bytes:
    """Write JSON with sorted keys: equal content gives equal bytes."""
    return _canonical.encode(value)
