"""What one portal can do: what its connector declares, with what the configuration says is different here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.connector import Limits, PortalManifest, SinkConnector, Unshares
from gateway.errors import Misconfigured


def manifest_of(portal: str, sink: SinkConnector, settings: Mapping[str, Any]) -> PortalManifest:
    """Return the manifest of a portal whose settings were held against its connector's schema.

    Raises:
        Misconfigured: it is to take back by a way that its connector doesn't have.
    """
    told = dict(settings.get("manifest", {}))
    if "audiences" in told:
        told["audiences"] = frozenset(told["audiences"])
    manifest = replace(sink.manifest(), **told)
    if manifest.retraction == "unshare" and not isinstance(sink, Unshares):
        raise Misconfigured(
            f"portal {portal}: settings.manifest.retraction is unshare, and its connector can't; correct it in zorgsluis.yaml"
        )
    return manifest


def limits_at(sink: SinkConnector, settings: Mapping[str, Any]) -> Limits:
    """Return what a portal allows: its connector's limits, with those that the configuration names."""
    told = settings.get("manifest", {})
    return replace(sink.limits, **{name: told[name] for name in ("max_concurrency", "per_second") if name in told})
