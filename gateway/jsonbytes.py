"""JSON as bytes, with every digit kept.

FHIR decimals carry their precision (``72.50`` is not ``72.5``), so numbers with a fraction are Decimals inside and come out as
they went in.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted")

DecodeError = msgspec.DecodeError


def loads(data: bytes | str) -> Any:
    """Parse JSON; numbers with a fraction become Decimal. Raises ``DecodeError``."""
    return _decoder.decode(data)


def dumps(value: Any) -> bytes:
    """Write JSON as UTF-8 bytes in the order of the dict; Decimals as plain numbers with their digits."""
    return _encoder.encode(value)


def canonical(value: Any) -> bytes:
    """Write JSON with sorted keys: equal content gives equal bytes."""
    return _canonical.encode(value)
