"""Reading what an operation is asked with."""

from __future__ import annotations

from typing import Final

import msgspec

from samples.portal.fhir.refused import Refused

MEMBER: Final = "member"
URN: Final = "urn:uuid:"


class Parameter(msgspec.Struct, rename="camel"):
    """``Parameters.parameter``: the one kind of value that is asked for here."""

    name: str
    value_uuid: str = ""


class Parameters(msgspec.Struct, rename="camel"):
    """``Parameters``."""

    resource_type: str
    parameter: list[Parameter] = []


def read_member(body: bytes) -> str:
    """Return the member that ``Parameters`` names.

    Raises:
        Refused: not JSON, or no ``member`` among its parameters.
    """
    try:
        asked = msgspec.json.decode(body, type=Parameters)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "structure", "Send Parameters.", expression="Parameters") from error
    named = [one.value_uuid.removeprefix(URN) for one in asked.parameter if one.name == MEMBER]
    if asked.resource_type != "Parameters" or len(named) != 1:
        raise Refused(400, "required", "Name the member once.", expression="Parameters.parameter")
    return named[0]
