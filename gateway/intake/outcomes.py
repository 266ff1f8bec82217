"""What mapping made of messages whose sender waits to hear it (enhanced mode): looked up in the journal, for as long as somebody asks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
import structlog

from gateway.runtime import Gateway

SETTLED: Final = "select id, state from journal where id = any(%s) and state <> 'waiting'"
LOOK_EVERY_S: Final = 0.1
# After this long nobody waits for a second answer any more.
PATIENCE_S: Final = 600.0

log = structlog.get_logger()

Told = Callable[[str], None]


class Outcomes:
    """Tells who asked what became of journal rows: ``AA``, or ``AE`` when they are quarantined. ``run`` it on the loop that asks."""

    def __init__(self, gateway: Gateway, org: int) -> None:
        self._gateway = gateway
        self._org = org
        self._asked: dict[int, list[tuple[object, Told, float]]] = defaultdict(list)
        self._wake = asyncio.Event()

    def ask(self, who: object, journal_id: int, told: Told) -> None:
        """Call ``told`` when the row is mapped, unless ``who`` is forgotten first."""
        until = asyncio.get_running_loop().time() + PATIENCE_S
        self._asked[journal_id].append((who, told, until))
        self._wake.set()

    def forget(self, who: object) -> None:
        """Tell somebody nothing more."""
        for journal_id, askers in list(self._asked.items()):
            self._keep(journal_id, [one for one in askers if one[0] is not who])

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._asked:
                await self._look()
                await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        try:
            settled = await asyncio.to_thread(self._settled, list(self._asked))
        except psycopg.Error as error:
            log.warning("intake.outcomes_unknown", org=self._org, error=type(error).__name__)
            return
        for row in settled:
            for _, told, _ in self._asked.pop(row.id, ()):
                told("AE" if row.state == "quarantined" else "AA")
        now = asyncio.get_running_loop().time()
        for journal_id, askers in list(self._asked.items()):
            self._keep(journal_id, [one for one in askers if one[2] > now])

    def _keep(self, journal_id: int, askers: list[tuple[object, Told, float]]) -> None:
        if askers:
            self._asked[journal_id] = askers
        else:
            self._asked.pop(journal_id, None)

    def _settled(self, ids: Sequence[int]) -> list[Any]:
        with self._gateway.database.transaction(self._org) as db:
            return db.execute(SETTLED, (list(ids),)).fetchall()
