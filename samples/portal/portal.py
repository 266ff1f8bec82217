"""The parts of a running portal, made once and handed to every route."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from samples.portal.accounts import Accounts
from samples.portal.clock import Clock
from samples.portal.compartments import Compartments
from samples.portal.confirmations import Confirmations
from samples.portal.database import Database
from samples.portal.faults import Faults
from samples.portal.invitations import Invitations
from samples.portal.messages import Messages
from samples.portal.notices import Notices
from samples.portal.providers import Providers
from samples.portal.sessions import Sessions
from samples.portal.syncstatus import SyncStatus
from samples.portal.token import TokenIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a portal is started; ``bases`` are its own addresses, ``http://127.0.0.1:8080`` and the like."""

    store: Path
    gateway_jwks: Path
    bases: tuple[str, ...]
    client_id: str | None = None
    token_seconds: int = 300
    admin_secret: str | None = None
    providers: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """Everything that a route needs."""

    settings: Settings
    clock: Clock
    compartments: Compartments
    accounts: Accounts
    sessions: Sessions
    confirmations: Confirmations
    messages: Messages
    notices: Notices
    invitations: Invitations
    providers: Providers
    sync: SyncStatus
    tokens: TokenIssuer
    faults: Faults


def portal_with(settings: Settings, clock: Clock) -> Portal:
    """Return a portal over its store, which is made when it isn't there."""
    database = Database(settings.store)
    accounts = Accounts(database)
    return Portal(
        settings=settings,
        clock=clock,
        compartments=Compartments(database, clock),
        accounts=accounts,
        sessions=Sessions(database, accounts, clock),
        confirmations=Confirmations(database, clock),
        messages=Messages(database, clock),
        notices=Notices(database, clock),
        invitations=Invitations(database),
        providers=Providers(settings.providers),
        sync=SyncStatus(database),
        tokens=TokenIssuer(
            database=database,
            clock=clock,
            keys=settings.gateway_jwks,
            audiences=frozenset(f"{base}/token" for base in settings.bases),
            client_id=settings.client_id,
            lifetime=timedelta(seconds=settings.token_seconds),
        ),
        faults=Faults(),
    )
