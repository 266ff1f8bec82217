"""The files of a demonstration: its configuration, its keys, its token. A fresh folder each time."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from joserfc.jwk import ECKey

from api.demonstration.neighbours import private
from gateway import postgres
from gateway.state import postgres_folder

ORGANISATION: Final = {"code": "delinde", "name": "Thuiszorg De Linde"}
SYSTEM: Final = "ons-delinde"
VENDOR: Final = "vesta"
VENDOR_SYSTEM: Final = "vesta-delinde"
# The listener that the vendor pushes to.
LISTENER: Final = "hl7"
PORTAL: Final = "familie"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where everything of one demonstration lies."""

    folder: Path

    @property
    def config(self) -> Path:
        """The configuration, for other commands while the demonstration is up."""
        return self.folder / "zorgsluis.yaml"

    @property
    def truth(self) -> Path:
        """What each member may have of each record, by the generator."""
        return self.folder / "truth.jsonl"

    @property
    def links(self) -> Path:
        """Who is linked to whom, at which level, by the generator."""
        return self.folder / "links.jsonl"

    @property
    def vendor_truth(self) -> Path:
        """What each member may have of what the vendor tells, by the vendor."""
        return self.folder / "vendor-truth.jsonl"

    @property
    def vendor_links(self) -> Path:
        """Who is linked to the vendor's clients, at which level."""
        return self.folder / "vendor-links.jsonl"

    @property
    def vendor_done(self) -> Path:
        """The vendor's figures, once everything was told."""
        return self.folder / "vendor-done.json"

    @property
    def vendor_log(self) -> Path:
        """What the vendor said."""
        return self.folder / "vendor.log"

    @property
    def portal_store(self) -> Path:
        """The portal's own store."""
        return self.folder / "portal"

    @property
    def jwks(self) -> Path:
        """The gateway's public key, as the portal was given it."""
        return self.folder / "gateway.jwks"

    @property
    def providers(self) -> Path:
        """Where the portal finds the organisation's gateway, once it answers."""
        return self.folder / "providers.json"

    def secret(self, name: str) -> Path:
        """A file of mode 0600."""
        return self.folder / "secrets" / name


def fresh(folder: Path) -> Files:
    """Empty the folder of an earlier demonstration and make this one's keys."""
    discard(folder)
    folder.mkdir(parents=True)
    files = Files(folder=folder)
    files.portal_store.mkdir(mode=0o700)
    (folder / "secrets").mkdir(mode=0o700)
    _write(files.secret("certificate"), secrets.token_urlsafe(24))
    _write(files.secret("portal-api"), secrets.token_urlsafe(32))
    key = ECKey.generate_key("P-384", parameters={"kid": "gateway-1", "use": "sig", "alg": "ES384"})
    _write(files.secret("portal.jwk"), json.dumps(key.as_dict(private=True)))
    _write(files.jwks, json.dumps({"keys": [key.as_dict(private=False)]}))
    return files


def folder_in(state: Path) -> Path:
    """Return the demonstration's folder in a state folder. What an earlier one named as its ``--state`` is its folder itself."""
    return state if (state / "truth.jsonl").exists() else state / "demo"


def discard(folder: Path) -> None:
    """Remove the folder of an earlier demonstration; a database left running there is stopped first."""
    if postgres_folder(folder).exists():
        postgres.start(postgres_folder(folder)).stop()
    shutil.rmtree(folder, ignore_errors=True)


def configure(files: Files, *, ecd: str, portal: str) -> None:
    """Write the configuration that names the ECD, the portal, and the listener for the vendor."""
    source: dict[str, Any] = {
        "code": "ons",
        "connector": "ons",
        "system": SYSTEM,
        "settings": {"base_url": ecd, "reconcile_every": 2, "secrets": {"certificate": str(files.secret("certificate"))}},
    }
    target: dict[str, Any] = {
        "code": PORTAL,
        "connector": "member-fhir",
        "bearer": str(files.secret("portal-api")),
        "settings": {"base_url": portal, "origin": "caren", "secrets": {"key": str(files.secret("portal.jwk"))}},
    }
    pushing = {"code": VENDOR, "connector": "hl7v2", "system": VENDOR_SYSTEM, "settings": {"senders": ["VESTA|DELINDE"]}}
    listener = {"code": LISTENER, "kind": "mllp", "bind": "127.0.0.1:0", "sources": [VENDOR]}
    organisation = {**ORGANISATION, "sources": [source, pushing], "portals": [target], "listeners": [listener]}
    _write(files.config, yaml.safe_dump({"organisations": [organisation]}, sort_keys=False))


def introduce(files: Files, gateway: str) -> None:
    """Tell the portal where it asks about links, invitations and rights; it looks at each question."""
    token = files.secret("portal-api").read_text(encoding="utf-8")
    _write(files.providers, json.dumps([{**ORGANISATION, "url": gateway, "token": token}]))


def _write(path: Path, text: str) -> None:
    """Write a file anew that only this user may read."""
    with private(path) as file:
        file.write(text.encode())
