"""The web application: the contract's routes, the pages, and the sample's own controls."""

from __future__ import annotations

from starlette.applications import Starlette

from samples.portal import control
from samples.portal.fhir import routes as contract
from samples.portal.portal import Portal


def application(portal: Portal) -> Starlette:
    """Return the application over a portal."""
    app = Starlette(routes=[*contract.ROUTES, *control.ROUTES])
    app.state.portal = portal
    return app
