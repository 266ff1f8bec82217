"""Starts the sample ECD: ``python -m samples.ecd serve``."""

from __future__ import annotations

import argparse
import json
import socket
from datetime import date
from pathlib import Path

import uvicorn

from samples.ecd.generate import generate
from samples.ecd.office import Office, replace
from samples.ecd.server import build
from samples.lifeline import end_with_standard_input

#: Stands in for the client certificate that the real product asks for.
CERTIFICATE = "zorgsluis-DL1001-sample"


def main() -> None:
    """Run one of the two commands."""
    options = _options()
    if options.lifeline:
        end_with_standard_input()
    world = generate(clients=options.clients, days=options.days, seed=options.seed, today=options.today)
    office = Office(world=world, truth=options.truth, links=options.links)
    office.publish()
    if options.command == "serve":
        _serve(office, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m samples.ecd", description="The sample ECD of Thuiszorg De Linde.")
    parser.add_argument("command", choices=("serve", "generate"), help="serve; or only write --truth and --links")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--days", type=int, default=60, help="days of reports before today")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--today", type=date.fromisoformat, required=True, help="YYYY-MM-DD")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--certificate", default=CERTIFICATE, help="token that X-Client-Certificate must carry")
    parser.add_argument("--truth", type=Path, help="JSON lines: what each member may see of each record")
    parser.add_argument("--links", type=Path, help="JSON lines: who is linked at which level")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input ends")
    parser.add_argument("--ready", type=Path, help='gets {"port": …} once the server listens')
    return parser.parse_args()


def _serve(office: Office, options: argparse.Namespace) -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    config = uvicorn.Config(build(office, options.certificate), log_level="warning", access_log=False, lifespan="off")
    _Server(config, options.ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells that it listens, once it does."""

    def __init__(self, config: uvicorn.Config, ready: Path | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if not sockets or not self.started:
            return
        told = json.dumps({"port": sockets[0].getsockname()[1]})
        print(told, flush=True)
        if self._ready is not None:
            replace(self._ready, told.encode())


if __name__ == "__main__":
    main()
