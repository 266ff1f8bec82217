"""The contract of a consent registry, such as Mitz: one closed question, one answer (docs/consent.md).

A registry is asked at the moment that data would go to another care provider; its answer holds for that moment and is never kept as a
right. Connectors import nothing of the core but this module, ``gateway.connector`` and ``gateway.errors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from gateway.connector import Context, Limits

Decision = Literal["permit", "deny", "indeterminate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May this provider get this category of data about this client from us? The BSN stays out of every text that is made of it.

    ``provider`` is a URA (8 digits), ``category`` the provider's type (codes of Vektis and RoleCodeNL, such as V4), ``data`` the
    category of data as the registry's catalogue has it.
    """

    bsn: str = field(repr=False)
    provider: str
    category: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``indeterminate`` is not a permission; ``status`` is the registry's own code for why."""

    decision: Decision
    status: str


@runtime_checkable
class ConsentRegistry(Protocol):
    """A register of clients' choices that answers closed questions, and can't be read otherwise."""

    contract_version: int
    name: str
    config_schema: Mapping[str, Any]
    limits: Limits

    def ask(self, ctx: Context, question: Question) -> Answer: ...
