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
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import Misconfigured

AMSTERDAM = "Europe/Amsterdam"
MIDNIGHT = 24


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
    """A client and family portal."""

    code: str
    connector: str
    settings: dict[str, Any] = Field(default_factory=dict)


class ScheduleConfig(_Part):
    """When the portals are brought up to date, in local hours."""

    code: str = "portals"
    zone: Zone = AMSTERDAM
    hours: LocalHours = (7, 11, 15, 19, 23)


class OrganisationConfig(_Part):
    """One care organisation with its neighbours."""

    code: str
    name: str
    sources: tuple[SourceConfig, ...] = ()
    portals: tuple[PortalConfig, ...] = ()
    schedule: ScheduleConfig = ScheduleConfig()


class Config(_Part):
    """The whole file."""

    organisations: tuple[OrganisationConfig, ...]


KEYS: Final = {
    "": tuple(Config.model_fields),
    "organisations": tuple(OrganisationConfig.model_fields),
    "sources": tuple(SourceConfig.model_fields),
    "portals": tuple(PortalConfig.model_fields),
    "schedule": tuple(ScheduleConfig.model_fields),
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
