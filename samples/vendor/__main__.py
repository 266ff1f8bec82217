"""Starts Vesta: ``python -m samples.vendor push``."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path

import msgspec

from samples.ecd.office import replace
from samples.vendor.mllp import END, START, Line, push
from samples.vendor.sending import in_order_of_sending
from samples.vendor.story import generate
from samples.vendor.truth import truth_lines
from samples.vendor.world import World


def main() -> int:
    """Run one of the two commands; 1 when a message was refused."""
    options = _options()
    world = generate(count=options.clients, days=options.days, seed=options.seed, today=options.today)
    _publish(world, options)
    return _push(world, options) if options.command == "push" else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m samples.vendor", description="Vesta, a vendor that pushes HL7 v2 by MLLP.")
    parser.add_argument("command", choices=("push", "generate"), help="push; or only write the files")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--days", type=int, default=14, help="days between the registrations and today")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--today", type=date.fromisoformat, required=True, help="YYYY-MM-DD")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="of the listener to push to")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two messages")
    parser.add_argument("--truth", type=Path, help="JSON lines: what each member may hold of each thing told")
    parser.add_argument("--links", type=Path, help="JSON lines: who is linked at which level")
    parser.add_argument("--messages", type=Path, help="what goes over the line, in the order of sending")
    parser.add_argument("--done", type=Path, help="gets the figures once everything was answered")
    options = parser.parse_args()
    if options.command == "push" and options.port is None:
        parser.error("push needs --port")
    return options


def _publish(world: World, options: argparse.Namespace) -> None:
    lines = msgspec.json.Encoder().encode_lines
    if options.truth is not None:
        replace(options.truth, lines(truth_lines(world)))
    if options.links is not None:
        replace(options.links, lines(world.links))
    if options.messages is not None:
        sent = in_order_of_sending(world.messages)
        replace(options.messages, b"".join(START + message.data + END for message in sent))


def _push(world: World, options: argparse.Namespace) -> int:
    told = push(Line(host=options.host, port=options.port), in_order_of_sending(world.messages), options.pause)
    figures = json.dumps({"messages": len(world.messages), **dict(sorted(told.items()))})
    print(figures, flush=True)
    if options.done is not None:
        replace(options.done, figures.encode())
    return 0 if told.keys() <= {"AA", "CA", "resent"} else 1


if __name__ == "__main__":
    sys.exit(main())
