"""What an installation is told: its organisations, neighbours and hours, in one YAML file.

Secrets are never in the file, only the names of the files that hold them (mode 0600).

    organisations:
      - code: delinde
        name: Thuiszorg De Linde
        sources:
          - {code: ons, connector: ons, system: ons-delinde, settings: {base_url: "http://127.0.0.1:8101", secrets: {certificate: /…/ons.pem}}}
        portals:
          - {code: familie, connector: member-fhir, settings: {base_url: "http://127.0.0.1:8102", secrets: {key: /…/portal.jwk}}}
        schedule: {code: portals, hours: [7, 11, 15, 19, 23]}
        listeners:
          - {code: hl7, kind: mllp, bind: "127.0.0.1:2575", sources: [vesta]}

A source that pushes has ``connector: hl7v2`` and comes in by a listener (docs/inbound.md).
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gateway.errors import Misconfigured

AMSTERDAM = "Europe/Amsterdam"
MIDNIGHT = 24
MEGABYTE = 1024 * 1024
LARGEST_PORT = 65535


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; such as Europe/Amsterdam")
    return name


def _hours(hours: tuple[int, ...]) -> tuple[int, ...]:
    if not hours or not all(0 <= hour <= MIDNIGHT - 1 for hour in hours):
        raise ValueError("name at least one hour, each from 0 to 23")
    return hours


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
        known = 0 <= int(port) <= LARGEST_PORT
    except ValueError:
        known = False
    if not known:
        raise ValueError("an address is an IP address and a port, such as 127.0.0.1:2575 or [::1]:2575; port 0 takes a free one")
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("a peer is an IP address or a network, such as 10.1.2.3 or 10.1.2.0/24") from None


Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
Zone = Annotated[str, AfterValidator(_zone)]
LocalHours = Annotated[tuple[int, ...], AfterValidator(_hours)]


class SourceConfig(_Part):
    """An ECD: ``system`` is the record system (the ECD instance), ``maps`` the folder of maps in ``mappings/``."""

    code: str
    connector: str
    system: str
    maps: str = ""
    zone: Zone = AMSTERDAM
    settings: dict[str, Any] = Field(default_factory=dict)


class PortalConfig(_Part):
    """A client and family portal. ``bearer`` names the file (mode 0600) of the token by which it calls the portal API."""

    code: str
    connector: str
    bearer: Path | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class RegistryConfig(_Part):
    """A register of clients' consents that is asked, such as Mitz."""

    code: str
    connector: str
    settings: dict[str, Any] = Field(default_factory=dict)


class ScheduleConfig(_Part):
    """When the portals are brought up to date, in local hours."""

    code: str = "portals"
    zone: Zone = AMSTERDAM
    hours: LocalHours = (7, 11, 15, 19, 23)


Ending = Literal["retract", "freeze"]


class SharingConfig(_Part):
    """What this organisation asks before a dossier opens, and what becomes of what portals hold when sharing ends by itself.

    ``dossier_acr``: 2 a second factor, 3 substantial; ``step_up_minutes``: how long that step holds. ``freeze`` sends nothing new and
    leaves what is there; ``retract`` takes it back.
    """

    dossier_acr: Annotated[int, Field(ge=2, le=3)] = 2
    step_up_minutes: PositiveInt | None = None
    on_expiry: Ending = "retract"
    at_end_of_care: Ending = "retract"
    on_death: Ending = "freeze"


class TlsConfig(_Part):
    """Files of a listener's certificate and key; ``client_ca`` makes it ask for a client certificate of that authority."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class _Listener(_Part):
    """A way in. Who comes in by it may speak for its ``sources``; MSH-3 and MSH-4 only choose among them."""

    code: str
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    max_bytes: PositiveInt = 16 * MEGABYTE


class _SocketListener(_Listener):
    bind: Address
    tls: TlsConfig | None = None
    peers: tuple[Network, ...] = ()
    max_connections: PositiveInt = 256

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on; 0 takes a free one."""
        return int(self.bind.rpartition(":")[2])

    @model_validator(mode="after")
    def _closed_to_strangers(self) -> Self:
        if self.tls is None and not self.peers and not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError("others than this machine can reach it in the clear; give it tls, or name its peers")
        return self


class MllpListenerConfig(_SocketListener):
    """HL7 v2 over MLLP. ``idle_s``: after this long without a byte a connection is closed; ``stall_s``: the same within a message."""

    kind: Literal["mllp"]
    idle_s: PositiveFloat = 3600.0
    stall_s: PositiveFloat = 60.0


class HttpListenerConfig(_SocketListener):
    """HL7 v2 over ``POST /inbound/hl7v2``. ``bearer`` names, for a source, the file (mode 0600) of the token that is bound to it."""

    kind: Literal["http"]
    bearer: dict[str, Path] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _authenticates(self) -> Self:
        if not self.bearer and (self.tls is None or self.tls.client_ca is None):
            raise ValueError("nothing here says who is speaking; name a bearer file for a source, or tls.client_ca")
        if unknown := set(self.bearer) - set(self.sources):
            raise ValueError(f"bearer names {', '.join(sorted(unknown))}, which is not among its sources")
        return self


class FolderListenerConfig(_Listener):
    """A drop folder, looked at every ``interval_s`` seconds; ``max_bytes`` holds for a file."""

    kind: Literal["folder"]
    path: Path
    interval_s: PositiveFloat = 5.0
    max_bytes: PositiveInt = 64 * MEGABYTE


SocketListenerConfig = MllpListenerConfig | HttpListenerConfig
ListenerConfig = Annotated[MllpListenerConfig | HttpListenerConfig | FolderListenerConfig, Field(discriminator="kind")]


class OrganisationConfig(_Part):
    """One care organisation with its neighbours."""

    code: str
    name: str
    sources: tuple[SourceConfig, ...] = ()
    portals: tuple[PortalConfig, ...] = ()
    registries: tuple[RegistryConfig, ...] = ()
    schedule: ScheduleConfig = ScheduleConfig()
    sharing: SharingConfig = SharingConfig()
    listeners: tuple[ListenerConfig, ...] = ()

    @model_validator(mode="after")
    def _listens_for_its_own(self) -> Self:
        known = {source.code for source in self.sources}
        for listener in self.listeners:
            if unknown := set(listener.sources) - known:
                raise ValueError(f"listener {listener.code} names {', '.join(sorted(unknown))}, which is no source here")
        return self


class Config(_Part):
    """The whole file."""

    organisations: tuple[OrganisationConfig, ...]


KEYS: Final = {
    "": tuple(Config.model_fields),
    "organisations": tuple(OrganisationConfig.model_fields),
    "sources": tuple(SourceConfig.model_fields),
    "portals": tuple(PortalConfig.model_fields),
    "registries": tuple(RegistryConfig.model_fields),
    "schedule": tuple(ScheduleConfig.model_fields),
    "sharing": tuple(SharingConfig.model_fields),
    "mllp": tuple(MllpListenerConfig.model_fields),
    "http": tuple(HttpListenerConfig.model_fields),
    "folder": tuple(FolderListenerConfig.model_fields),
    "tls": tuple(TlsConfig.model_fields),
}


def config_path(given: Path | None, state: Path) -> Path:
    """Return the file to read: the one given, else ``ZORGSLUIS_CONFIG``, else the one in the state folder."""
    named = os.environ.get("ZORGSLUIS_CONFIG")
    return given or (Path(named) if named else state / "zorgsluis.yaml")


def load_config(path: Path) -> Config:
    """Read and check the file.

    Raises:
        Misconfigured: it is missing, not YAML, or a key is unknown or wrong; the text names the place.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Config.model_validate(raw)
    except FileNotFoundError:
        raise Misconfigured(f"no configuration at {path}; name one with --config or ZORGSLUIS_CONFIG") from None
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "not a text file in UTF-8"
        raise Misconfigured(f"{path}: the configuration can't be read: {said}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise Misconfigured(f"{path}{line}: not readable as YAML") from None
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the file'}: {_said(e)}" for e in error.errors())
        raise Misconfigured(f"{path}: {places}") from None


def _said(error: ErrorDetails) -> str:
    """Say what is wrong at one place, without repeating the value: it may be a secret in the wrong place."""
    if error["type"] == "extra_forbidden":
        parent = next((part for part in reversed(error["loc"][:-1]) if isinstance(part, str)), "")
        return f"no such key; known here: {', '.join(KEYS[parent])}"
    if error["type"] in ("model_type", "missing"):
        return "missing" if error["type"] == "missing" else "should be a mapping of keys to values"
    return error["msg"]
