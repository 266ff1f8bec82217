"""YAML as people mean it: only ``true`` and ``false`` are booleans, dates stay text, decimals keep their digits.

Every value remembers its line, so that a finding can name it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

import yaml
from yaml.composer import Composer

from gateway.mapping.findings import Finding, MappingError

# The parser of libyaml, where PyYAML was built with it.
LIBYAML: Final[Any] = import_module("yaml.cyaml").CParser if yaml.__with_libyaml__ else object

Place = tuple[str | int, ...]

# Documents kept: those of a few sets.
KEPT: Final = 512
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")


@dataclass(slots=True)
class Document:
    """The content of a file and the line (from 1) of each place in it."""

    file: str
    content: Any = None
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, *place: str | int) -> int:
        """Return the line of a place, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


@lru_cache(maxsize=KEPT)
def load(file: str, data: bytes) -> Document:
    """Read one YAML document. Versions share most of their files, so it is kept: nobody changes it.

    Raises:
        MappingError: it isn't YAML, isn't UTF-8, or names a key twice.
    """
    document = Document(file)
    try:
        node = _composed(data.decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not a YAML document in UTF-8"
        raise MappingError([Finding(file, mark.line + 1 if mark else 1, str(problem))]) from None
    if node is not None:
        document.content = _build(node, (), document)
    return document


class _Untagged:
    """What a composer asks for the types of values, which are told from the text here (``_scalar``)."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:  # noqa: ARG002 - the composer's call
        return ""

    def descend_resolver(self, node: Any, index: Any) -> None:
        """Do nothing."""

    def ascend_resolver(self) -> None:
        """Do nothing."""


class _Fast(_Untagged, Composer, LIBYAML):  # type: ignore[misc]
    """The parser of libyaml under the composer in Python: the one in C follows any depth, past the end of the stack."""

    def __init__(self, text: str) -> None:
        LIBYAML.__init__(self, text)
        Composer.__init__(self)


def _composed(text: str) -> yaml.Node | None:
    if yaml.__with_libyaml__:
        # What is wrong with a document the parser in Python tells more clearly.
        with suppress(yaml.YAMLError):
            return Composer.get_single_node(_Fast(text))
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _build(node: yaml.Node, place: Place, document: Document) -> Any:
    document.lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, document)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*place, number), document) for number, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, place: Place, document: Document) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in content:
            raise MappingError([Finding(document.file, key.start_mark.line + 1, f"the key {name!r} stands here twice")])
        content[name] = _build(value, (*place, name), document)
        document.lines[(*place, name)] = key.start_mark.line + 1
    return content


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    if getattr(node, "style", None):
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text
