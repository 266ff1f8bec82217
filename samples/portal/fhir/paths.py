"""Parts of a FHIR address: resource ids and type names, so that anything else isn't found."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class IdConvertor(Convertor[str]):
    """A FHIR id."""

    regex = "[A-Za-z0-9.-]{1,64}"

    def convert(self, value: str) -> str:
        """Return the id."""
        return value

    def to_string(self, value: str) -> str:
        """Return the id."""
        return value


class KindConvertor(IdConvertor):
    """The name of a resource type."""

    regex = "[A-Z][A-Za-z]{1,63}"


def register() -> None:
    """Make ``{x:id}`` and ``{x:kind}`` known to the router, before routes are made."""
    register_url_convertor("id", IdConvertor())
    register_url_convertor("kind", KindConvertor())
