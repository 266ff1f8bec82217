"""``python -m samples.portal serve``: run the sample portal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from samples.lifeline import end_with_standard_input
from samples.portal.app import application
from samples.portal.clock import now
from samples.portal.portal import Settings, portal_with
from samples.portal.server import listening, serve


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    root = argparse.ArgumentParser(prog="python -m samples.portal", description="The sample family portal.")
    command = root.add_subparsers(dest="command", required=True).add_parser("serve", help="Serve on loopback.")
    command.add_argument("--store", type=Path, required=True, help="Folder of the portal's own store.")
    command.add_argument("--gateway-jwks", type=Path, required=True, help="Public keys of the gateway, a JWKS file.")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--port", type=int, default=0, help="0 takes a free one.")
    command.add_argument("--ready", type=Path, help='Write {"port": …} here once it listens.')
    command.add_argument("--client-id", help="Accept this client only; without it any iss that equals sub.")
    command.add_argument("--token-seconds", type=int, default=300, help="How long a bearer token lasts.")
    command.add_argument("--providers", type=Path, help="Care organisations and their gateways, a JSON file; read at each use.")
    command.add_argument("--lifeline", action="store_true", help="End when standard input ends.")
    command.add_argument("--admin-secret", help="Bearer secret for /_sample; without it /_sample is open.")
    return root


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal says stop."""
    given = parser().parse_args(arguments)
    if given.lifeline:
        end_with_standard_input()
    bound = listening(given.host, given.port)
    port = bound.getsockname()[1]
    settings = Settings(
        store=given.store,
        gateway_jwks=given.gateway_jwks,
        bases=tuple(f"http://{host}:{port}" for host in dict.fromkeys((given.host, "127.0.0.1", "localhost"))),
        client_id=given.client_id,
        token_seconds=given.token_seconds,
        admin_secret=given.admin_secret,
        providers=given.providers,
    )
    serve(application(portal_with(settings, now)), bound, given.ready)


if __name__ == "__main__":
    main()
