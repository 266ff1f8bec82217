"""The web application: the contract's routes, the pages, and the sample's own controls."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware

from samples.portal import control
from samples.portal.fhir import routes as contract
from samples.portal.pages import routes as pages
from samples.portal.pages.security import SecurityHeaders
from samples.portal.portal import Portal


def application(portal: Portal) -> Starlette:
    """Return the application over a portal."""
    routes = [*contract.ROUTES, *control.ROUTES, *pages.ROUTES]
    app = Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)])
    app.state.portal = portal
    return app
