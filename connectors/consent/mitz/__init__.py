"""Mitz, the national register of consents: the closed authorisation question."""

from __future__ import annotations

from connectors.consent.mitz.registry import REGISTRY, Mitz

__all__ = ["REGISTRY", "Mitz"]
