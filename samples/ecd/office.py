"""The organisation as it runs: its records, and the file that tells what the family may see of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from samples.ecd.agenda import WINDOW, extend
from samples.ecd.records import World
from samples.ecd.truth import truth_lines


@dataclass(slots=True, kw_only=True)
class Office:
    """The world behind the server; ``truth`` and ``links`` are files kept equal to it."""

    world: World
    truth: Path | None = None
    links: Path | None = None

    def publish(self) -> None:
        """Write the truth and the links anew. Each file changes at once, never half."""
        if self.truth is not None:
            replace(self.truth, self.truth_bytes())
        if self.links is not None:
            replace(self.links, self.links_bytes())

    def truth_bytes(self) -> bytes:
        return msgspec.json.Encoder().encode_lines(truth_lines(self.world))

    def links_bytes(self) -> bytes:
        return msgspec.json.Encoder().encode_lines(self.world.links)

    def set_clock(self, now: datetime) -> None:
        """Move the clock forward; a new day brings new visits at the end of the agenda."""
        if now < self.world.now:
            raise ValueError("the clock goes forward only")
        self.world.now = now
        extend(self.world, now.date() + timedelta(days=WINDOW[1]))


def replace(path: Path, content: bytes) -> None:
    """Put a file in place in one step."""
    waiting = path.with_name(f"{path.name}.new")
    waiting.write_bytes(content)
    waiting.replace(path)
