"""Starts the sample register: ``python -m samples.mitz --choices FILE``."""

from __future__ import annotations

import argparse
import json
import socket
from pathlib import Path

import msgspec
import uvicorn

from samples.lifeline import end_with_standard_input
from samples.mitz.register import Choice
from samples.mitz.server import Register


def main() -> None:
    """Serve until told to stop."""
    options = _options()
    if options.lifeline:
        end_with_standard_input()
    choices = [msgspec.json.decode(line, type=Choice) for line in options.choices.read_bytes().splitlines()]
    config = uvicorn.Config(Register(choices).application(), log_level="warning", access_log=False, lifespan="off")
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", options.port))
        listening.listen()
        # The kernel takes connections from here on.
        partial = options.ready.with_suffix(".partial")
        partial.write_text(json.dumps({"port": listening.getsockname()[1]}), encoding="utf-8")
        partial.replace(options.ready)
        uvicorn.Server(config).run(sockets=[listening])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m samples.mitz", description="A sample register of consents.")
    parser.add_argument("--choices", type=Path, required=True, help="JSON lines: bsn, decision, provider, category, data")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--ready", type=Path, required=True, help='gets {"port": …} once the server listens')
    parser.add_argument("--lifeline", action="store_true", help="end when standard input ends")
    return parser.parse_args()


if __name__ == "__main__":
    main()
