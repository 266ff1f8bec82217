"""Two versions over many messages: on every core, a page at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context
from typing import Final

from gateway.identity import IdSpace
from gateway.mapping import versions
from gateway.mapping.diff import Comparison
from gateway.mapping.reach import Reach, reach
from gateway.model import SourceRecord

# Messages that are handed over together. With no more than one page another process would cost more than it saves.
PAGE: Final = 250
# Pages that wait for a core that is busy.
AHEAD: Final = 2

Files = Mapping[str, bytes]
Message = tuple[int, SourceRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The files of two versions and the ids of their organisation: what a process needs to map with both."""

    old: Files
    new: Files
    ids: IdSpace

    def reach(self) -> Reach:
        """Return both, compiled once a process.

        Raises:
            MappingError: one of them has faults.
        """
        return reach(versions.compile_files(self.old), versions.compile_files(self.new))


# Begins a piece of work, and returns what gives its answer.
Start = Callable[..., Callable[[], Comparison]]


def swept(both: Versions, messages: Iterable[Message]) -> Comparison:
    """Return what differs in messages, in the order in which they come.

    Raises:
        MappingError: one of the versions has faults.
    """
    pages = _pages(iter(messages))
    first = next(pages, [])
    cores = len(os.sched_getaffinity(0))
    if len(first) < PAGE or cores == 1:
        return _gathered(both, chain([first], pages), partial, 0)
    # Another process begins with none of what an id space has worked out so far.
    both = replace(both, ids=replace(both.ids))
    # Spawned: a process that was forked would hold the locks of threads that it doesn't have.
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        return _gathered(both, chain([first], pages), lambda *work: pool.submit(*work).result, AHEAD * cores)


def _pages(messages: Iterator[Message]) -> Iterator[list[Message]]:
    while page := list(islice(messages, PAGE)):
        yield page


def _gathered(both: Versions, pages: Iterable[list[Message]], start: Start, ahead: int) -> Comparison:
    """Compare page after page, and show the examples of the whole once it is known which they are."""
    whole = Comparison()
    examples: dict[int, SourceRecord] = {}
    for page, part in _parts(both, pages, start, ahead):
        whole.add(part)
        named = whole.named()
        examples.update(message for message in page if message[0] in named)
    return start(shown, both, whole, list(examples.items()))()


def _parts(
    both: Versions, pages: Iterable[list[Message]], start: Start, ahead: int
) -> Iterator[tuple[list[Message], Comparison]]:
    """Yield each page with what differs in it, in order, while some further ones are under way."""
    waiting: deque[tuple[list[Message], Callable[[], Comparison]]] = deque()
    for page in pages:
        waiting.append((page, start(compared, both, page)))
        if len(waiting) > ahead:
            done, answer = waiting.popleft()
            yield done, answer()
    for done, answer in waiting:
        yield done, answer()


def compared(both: Versions, page: Sequence[Message]) -> Comparison:
    """Return what differs in some messages."""
    found, maps = Comparison(), both.reach()
    for number, record in page:
        results = maps.results(record, both.ids)
        if results is None:
            found.pass_by()
        else:
            found.take(number, *results)
    return found


def shown(both: Versions, whole: Comparison, examples: Sequence[Message]) -> Comparison:
    """Return a comparison with its examples."""
    maps = both.reach()
    for number, record in examples:
        results = maps.results(record, both.ids)
        if results is not None:
            whole.show(number, *results)
    return whole
