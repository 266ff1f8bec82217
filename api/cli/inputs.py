"""Files named on the command line, ``-`` for standard input, read one after another."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from api.cli.shared import EXIT_COULD_NOT_RUN

Files = Annotated[
    list[Path],
    typer.Argument(help="Files with HL7 v2 messages; - is standard input.", metavar="FILE…"),
]
STANDARD_INPUT: Final = "-"
# Some hours of a hospital's messages. What has no end, such as a device, ends here too.
MOST_BYTES: Final = 1024 * 1024 * 1024


class Inputs:
    """The contents of files, one in memory at a time. What can't be read is told on standard error; the others are read."""

    def __init__(self, files: list[Path]) -> None:
        """Take the files.

        Raises:
            typer.BadParameter: one isn't there, or is a folder; said before any is read.
        """
        for path in files:
            if str(path) != STANDARD_INPUT and (reason := _no_file(path)):
                raise typer.BadParameter(f"{_shown(path)}: {reason}", param_hint="FILE")
        self._files = files
        self._unread = False

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield each file's name, as it was given, and its bytes."""
        for path in self._files:
            try:
                data = self._read(path)
            except OSError as error:
                self._tell(path, error.strerror or type(error).__name__)
                continue
            if len(data) > MOST_BYTES:
                self._tell(path, f"larger than {MOST_BYTES >> 20} MiB; cut it between two messages")
                continue
            yield _shown(path), data

    def finish(self) -> None:
        """End the command with exit code 3 when a file wasn't read."""
        if self._unread:
            raise typer.Exit(EXIT_COULD_NOT_RUN)

    def _read(self, path: Path) -> bytes:
        if str(path) == STANDARD_INPUT:
            return _bounded(sys.stdin.buffer)
        with path.open("rb") as file:
            return _bounded(file)

    def _tell(self, path: Path, reason: str) -> None:
        self._unread = True
        typer.echo(f"zorgsluis: {_shown(path)}: {reason}", err=True)


def _no_file(path: Path) -> str | None:
    """Return why a path is no file at all; whether it can be read shows when it is."""
    try:
        if path.is_dir():
            return "is a folder; name the files in it"
        return None if path.exists() else "there is no such file"
    except (OSError, ValueError):
        return "is no name of a file"


def _bounded(file: BinaryIO) -> bytes:
    return file.read(MOST_BYTES + 1)


def _shown(path: Path) -> str:
    """Return a name that can be printed, whatever bytes it has."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")
