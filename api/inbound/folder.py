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
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import structlog

from api.inbound.places import DONE, RECEIPT, REFUSED, Look, Places
from gateway.config import FolderListenerConfig
from gateway.errors import Misconfigured
from gateway.intake.arrival import Arrival
from gateway.intake.reception import Reception
from gateway.intake.writer import Writer

BEING_WRITTEN: Final = (".tmp", ".part")
AT_ONCE: Final = 200

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Folder:
    """One drop folder. ``seen`` is how each file stood at the last look: its inode, size and time."""

    config: FolderListenerConfig
    reception: Reception
    writer: Writer
    seen: dict[str, Look] = field(default_factory=dict)

    @property
    def places(self) -> Places:
        """Where its files lie."""
        return Places(self.config.path)

    async def poll(self) -> list[str]:
        """Look once: take the files that stand as they stood at the last look; return their names. Files in order of their names."""
        looks = await asyncio.to_thread(self._look)
        # A file that has the name of one of our folders makes room for it first.
        names = sorted(looks, key=lambda name: (name not in (DONE, REFUSED), name))
        still = [name for name in names if self.seen.get(name) == looks[name]]
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
        looks = {name: self.places.look(name) for name in wanted}
        return {name: look for name, look in looks.items() if look is not None}

    async def _take(self, name: str, look: Look) -> bool:
        """Store the messages of a file and put it away; False when it has to wait."""
        self.seen.pop(name, None)
        acks = await (self._too_large(name, look[1]) if look[1] > self.config.max_bytes else self._messages(name))
        if acks is None or await asyncio.to_thread(self.places.look, name) != look:
            return False  # it was still being written: it is taken again when it stands still
        where = REFUSED if look[1] > self.config.max_bytes else DONE
        if not await asyncio.to_thread(self.places.put_away, name, look, b"".join(acks), where):
            return False
        log.info("folder.taken", listener=self.config.code, messages=len(acks))
        return True

    async def _messages(self, name: str) -> list[bytes] | None:
        """Store the messages of a file; return the acknowledgements, ``None`` when something can't be stored now."""
        data = await asyncio.to_thread((self.config.path / name).read_bytes)
        acks: list[bytes] = []
        arrivals = self.reception.units(data)
        while some := await asyncio.to_thread(lambda: list(islice(arrivals, AT_ONCE))):
            stored = await self._stored(some)
            if stored is None:
                return None
            acks += stored
        return acks

    async def _too_large(self, name: str, size: int) -> list[bytes] | None:
        """Keep the beginning of a file that is too large: it is read no further than one that isn't."""
        log.warning("folder.refused", listener=self.config.code, bytes=size, limit=self.config.max_bytes)
        return await self._stored([await asyncio.to_thread(self._oversize, name)])

    def _oversize(self, name: str) -> Arrival:
        with (self.config.path / name).open("rb") as file:
            return self.reception.oversize(file.read(self.config.max_bytes))

    async def _stored(self, arrivals: Sequence[Arrival]) -> list[bytes] | None:
        """Return the acknowledgements of stored messages; ``None`` when something can't be stored now."""
        answers = await asyncio.gather(*(self.writer.answer(arrival) for arrival in arrivals))
        acks = [answer.ack for answer in answers if answer is not None]
        return acks if len(acks) == len(arrivals) else None


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
        await asyncio.to_thread(self._folder.places.put_back)
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
