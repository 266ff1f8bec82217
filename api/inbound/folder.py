"""The drop folder: a file is taken once it stands still, each message in it is stored, and a receipt is put beside it.

A file that is being written is left alone: names that end in ``.tmp`` or ``.part`` or begin with a dot are never taken, and any other file
only when its size and time were the same at two looks. So a writer either renames when done, or needs no care at all.

    <folder>/day.hl7        → <folder>/done/day.hl7, with the receipt <folder>/day.hl7.ack: one acknowledgement per message, in order
    a file over the limit   → <folder>/refused/

A process that dies in between finds the file again and gets the same answers from what is stored: dropping a file twice does no harm.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import structlog

from gateway.config import FolderListenerConfig
from gateway.errors import Misconfigured
from gateway.intake.arrival import Arrival
from gateway.intake.reception import Reception
from gateway.intake.writer import Writer

RECEIPT: Final = ".ack"
BEING_WRITTEN: Final = (".tmp", ".part")
DONE, REFUSED = "done", "refused"
AT_ONCE: Final = 200

log = structlog.get_logger()

Look = tuple[int, int, int]


@dataclass(slots=True, kw_only=True)
class Folder:
    """One drop folder. ``seen`` is how each file stood at the last look: its inode, size and time."""

    config: FolderListenerConfig
    reception: Reception
    writer: Writer
    seen: dict[str, Look] = field(default_factory=dict)

    async def poll(self) -> list[str]:
        """Look once: take the files that stand as they stood at the last look; return their names. Files in order of their names."""
        looks = await asyncio.to_thread(self._look)
        still = [name for name, look in sorted(looks.items()) if self.seen.get(name) == look]
        self.seen = looks
        return [name for name in still if await self._taken(name, looks[name])]

    async def _taken(self, name: str, look: Look) -> bool:
        """Take a file; one that fails holds up no other, and is looked at again."""
        try:
            return await self._take(name, look)
        except OSError as error:
            log.error("folder.file_failed", listener=self.config.code, error=type(error).__name__)  # noqa: TRY400
            return False

    def _look(self) -> dict[str, Look]:
        """Return the files that may be taken: those whose names don't say that they are being written."""
        names = (path.name for path in self.config.path.iterdir())
        wanted = [name for name in names if not name.startswith(".") and not name.endswith((*BEING_WRITTEN, RECEIPT))]
        looks = {name: self._stands(name) for name in wanted}
        return {name: look for name, look in looks.items() if look is not None}

    def _stands(self, name: str) -> Look | None:
        """Return how a file stands; ``None`` when it is gone, a folder or a link."""
        try:
            found = (self.config.path / name).lstat()
        except FileNotFoundError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

    async def _take(self, name: str, look: Look) -> bool:
        """Store the messages of a file and put it away; False when it has to wait."""
        self.seen.pop(name, None)
        if look[1] > self.config.max_bytes:
            log.warning("folder.refused", listener=self.config.code, bytes=look[1], limit=self.config.max_bytes)
            await asyncio.to_thread(self._put_away, name, self.reception.too_large(b""), REFUSED)
            return True
        data = await asyncio.to_thread((self.config.path / name).read_bytes)
        acks: list[bytes] = []
        arrivals = self.reception.units(data)
        while some := await asyncio.to_thread(lambda: list(islice(arrivals, AT_ONCE))):
            stored = await self._stored(some)
            if stored is None:
                return False
            acks += stored
        if await asyncio.to_thread(self._stands, name) != look:
            return False  # it was still being written: it is taken again when it stands still
        await asyncio.to_thread(self._put_away, name, b"".join(acks), DONE)
        log.info("folder.taken", listener=self.config.code, messages=len(acks))
        return True

    async def _stored(self, arrivals: Sequence[Arrival]) -> list[bytes] | None:
        """Return the acknowledgements of stored messages; ``None`` when something can't be stored now."""
        answers = await asyncio.gather(*(self.writer.answer(arrival) for arrival in arrivals))
        acks = [answer.ack for answer in answers if answer is not None]
        return acks if len(acks) == len(arrivals) else None

    def _put_away(self, name: str, receipt: bytes, where: str) -> None:
        """Write the receipt, then move the file: in this order, so that a file without its receipt is taken again."""
        folder = self.config.path
        draft = folder / f".{name}{RECEIPT}"
        with draft.open("wb") as file:
            file.write(receipt)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / f"{name}{RECEIPT}")
        target = folder / where
        target.mkdir(mode=0o700, exist_ok=True)
        (folder / name).rename(next(path for path in _names(target, name) if not path.exists()))


def _names(folder: Path, name: str) -> Iterator[Path]:
    """Yield the name itself, then the name with a number: a file that was put away before is never overwritten."""
    yield folder / name
    number = 1
    while True:
        number += 1
        yield folder / f"{name}.{number}"


class FolderWatch:
    """Looks at one folder every so often, from ``start`` to ``stop``."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._task: asyncio.Task[None] | None = None

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to look.

        Raises:
            Misconfigured: there is no such folder, or it isn't ours to change.
        """
        path = self._folder.config.path
        if not await asyncio.to_thread(lambda: path.is_dir() and os.access(path, os.R_OK | os.W_OK | os.X_OK)):
            raise Misconfigured(f"listener {self._folder.config.code}: {path} is no folder that can be read and changed")
        self._task = tasks.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more. A file under way is found again at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _watch(self) -> None:
        while True:
            try:
                await self._folder.poll()
            except OSError as error:
                log.error("folder.failed", listener=self._folder.config.code, error=type(error).__name__)  # noqa: TRY400
            await asyncio.sleep(self._folder.config.interval_s)
