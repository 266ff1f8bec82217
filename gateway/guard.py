"""What a connector does wrong gets a class. It may be somebody else's code: its texts may hold anything, so only the type's name is kept."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
import structlog

from gateway.errors import AmbiguousError, GatewayError, Misconfigured, PermanentError, TransientError
from gateway.runtime import connector

log = structlog.get_logger()
Item = TypeVar("Item")


@contextmanager
def guarded(*, writes: bool = False) -> Iterator[None]:
    """Give every failure of a connector a class, so that one broken connector can't stop what runs beside it.

    Raises:
        Misconfigured: an address of the configuration is none.
        TransientError, PermanentError: a read gave no whole answer, or the connector broke.
        AmbiguousError: the same of a write: it may have been done.
    """
    try:
        yield
    except (GatewayError, psycopg.Error):
        raise
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise Misconfigured("an address in the settings is no address") from None
    except httpx2.HTTPError as error:
        kind = AmbiguousError if writes else TransientError
        raise kind(f"the neighbour gave no whole answer ({type(error).__name__})") from None
    except Exception as error:  # noqa: BLE001 - one broken connector must not stop the neighbours beside it
        place = traceback.extract_tb(error.__traceback__)[-1]
        file = Path(place.filename).name
        log.error("connector.broke", error=type(error).__name__, file=file, line=place.lineno)  # noqa: TRY400
        broken = AmbiguousError if writes else PermanentError
        raise broken(f"the connector broke ({type(error).__name__} in {file})") from None


def each(values: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield what a connector yields; whatever it raises has a class afterwards."""
    with guarded():
        yield from values


def load(name: str) -> Any:
    """Return a connector by its name.

    Raises:
        Misconfigured: it isn't installed, or can't be loaded.
    """
    try:
        return connector(name)
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - importing runs somebody else's code
        raise Misconfigured(f"the connector {name!r} can't be loaded ({type(error).__name__})") from None
