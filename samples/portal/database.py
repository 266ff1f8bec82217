"""The portal's SQLite file: one writer at a time, readers that never wait, commits that are on disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SCHEMA: Final = Path(__file__).with_name("schema.sql")
PRAGMAS: Final = (
    "pragma journal_mode = wal",
    "pragma synchronous = full",  # an answer promises that the write survives
    "pragma foreign_keys = on",
    "pragma busy_timeout = 5000",
    "pragma cache_size = -32000",
)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file in autocommit; transactions are begun by name."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in PRAGMAS:
        db.execute(pragma)
    db.row_factory = sqlite3.Row
    return db


class Database:
    """A writer behind a lock and one reader a thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "portal.sqlite"
        self._writer = connect(self.path)
        self._writer.executescript(SCHEMA.read_text(encoding="utf-8"))
        self._lock = threading.Lock()
        self._local = threading.local()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Yield the writer inside a transaction: committed at the end, rolled back on any error."""
        with self._lock:
            self._writer.execute("begin immediate")
            try:
                yield self._writer
                self._writer.execute("commit")
            except BaseException:
                self._writer.rollback()
                raise

    def read(self) -> sqlite3.Connection:
        """Return this thread's reader."""
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = connect(self.path)
        return reader
