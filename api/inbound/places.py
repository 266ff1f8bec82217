"""Where a dropped file goes once it is stored: out of the folder first, so that nobody can put another in its place, then away."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RECEIPT: Final = ".ack"
DONE, REFUSED = "done", "refused"
# Hidden, as what is being written is. What a process that died had in hand lies here.
TAKEN: Final = ".zorgsluis-taken"
# Bytes of a name: a file system takes 255, and a receipt has a dot before it while it is written.
LONGEST: Final = 250
MARK: Final = 12

Look = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one drop folder."""

    folder: Path

    def look(self, name: str) -> Look | None:
        """Return how a file in the folder stands: inode, size, time. ``None`` when it is gone, a folder or a link."""
        return _look(self.folder / name)

    def put_away(self, name: str, read: Look, receipt: bytes, where: str) -> bool:
        """Put the file that stood like this away, its receipt before it: one without is taken again.

        False: another file has its name by now. That one stays in the folder.
        """
        taken = self._place(TAKEN) / name
        (self.folder / name).rename(taken)
        if _look(taken) != read:
            _move(taken, self.folder)
            return False
        self._write_receipt(name, receipt)
        _move(taken, self._place(where))
        return True

    def put_back(self) -> None:
        """Put back into the folder what a process that died had in hand."""
        for path in sorted(self._place(TAKEN).iterdir()):
            _move(path, self.folder)

    def _place(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(mode=0o700, exist_ok=True)
        return place

    def _write_receipt(self, name: str, receipt: bytes) -> None:
        target = fitting(name, RECEIPT)
        draft = self.folder / f".{target}"
        with draft.open("wb") as file:
            file.write(receipt)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / target)


def fitting(name: str, suffix: str) -> str:
    """Return the name with a suffix; of a name that is too long for one the beginning, marked so that no other gets the same."""
    raw = os.fsencode(name)
    if len(raw) + len(suffix) <= LONGEST:
        return name + suffix
    mark = hashlib.sha256(raw).hexdigest()[:MARK]
    return f"{raw[: LONGEST - MARK - 1 - len(suffix)].decode('utf-8', 'ignore')}~{mark}{suffix}"


def _look(path: Path) -> Look | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _move(path: Path, folder: Path) -> None:
    """Move a file into a folder under its name, or with a number: what is there is never overwritten."""
    for name in _names(path.name):
        try:
            # Ours from here on, also when somebody else is about to use the name.
            os.close(os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        path.replace(folder / name)
        return


def _names(name: str) -> Iterator[str]:
    yield name
    number = 1
    while True:
        number += 1
        yield fitting(name, f".{number}")
