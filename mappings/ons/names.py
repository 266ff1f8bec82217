"""Names as Ons keeps them: which family name comes first is a word there and a code in nl-core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.mapping import ConvertContext, converter, people
from gateway.mapping.converters import clean

ORDER_FIELD: Final = "preferredNameType"
#: Target codes: HL7's name-assembly-order, as nl-core's NaamgebruikCodelijst maps to them.
ORDERS: Final[Mapping[str, str]] = {
    "birthName": "NL1",
    "partnerName": "NL2",
    "partnerNameBirthName": "NL3",
    "birthNamePartnerName": "NL4",
}


@converter("official_name", to="HumanName", options=people.NAME_OPTIONS, private=True)
def official_name(person: Any, context: ConvertContext) -> Any:
    """Read a person and return the name of the register, in the order in which the person uses the family names.

    As ``human_name``, whose options name the fields; an unknown word for the order leaves the order out.
    """
    return people.human_name({**person, ORDER_FIELD: ORDERS.get(str(person.get(ORDER_FIELD)))}, context)


@converter("calling_name", to="HumanName", options=(), private=True)
def calling_name(value: Any, _context: ConvertContext) -> dict[str, Any] | None:
    """Read a roepnaam and return it as a name of its own: nl-core keeps it apart from the register's."""
    name = clean(value)
    return {"use": "usual", "given": [name]} if name else None
