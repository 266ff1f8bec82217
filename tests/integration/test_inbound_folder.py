"""The drop folder: what stands still is stored and has its receipt, what is being written is left alone, twice does no harm."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.inbound.folder import Folder
from api.inbound.places import TAKEN, Places, fitting
from gateway.config import FolderListenerConfig
from gateway.errors import Misconfigured
from gateway.intake.reception import Reception
from gateway.intake.senders import desk
from gateway.intake.writer import Writer
from tests.integration.inbound_world import PATIENCE_S, Inbound, adt, codes, framed, inbound, mllp

Poll = Callable[[], list[str]]


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def world(database_url: str) -> Iterator[Inbound]:
    with inbound(database_url, mllp()) as world:
        yield world


@pytest.fixture
def poll(world: Inbound, drop: Path) -> Poll:
    """One look at the folder, by a process that remembers the looks before."""
    config = FolderListenerConfig(code="drop", kind="folder", path=drop, sources=("vesta",), max_bytes=100_000)
    gateway = world.gateway
    reception = Reception(desk=desk(gateway, world.org, ["vesta"]), keys=world.ring, clock=gateway.clock)
    seen: dict[str, tuple[int, int, int]] = {}

    async def look() -> list[str]:
        writer = Writer(gateway, world.org, world.dsn)
        folder = Folder(config=config, reception=reception, writer=writer, seen=dict(seen))
        writing = asyncio.create_task(writer.run())
        try:
            return await folder.poll()
        finally:
            seen.clear()
            seen.update(folder.seen)
            writing.cancel()

    return lambda: asyncio.run(look())


def test_each_message_of_a_file_is_stored_and_has_its_acknowledgement_beside_it(world: Inbound, drop: Path, poll: Poll) -> None:
    (drop / "day.hl7").write_bytes(adt("1") + adt("") + adt("3"))

    assert poll() == []
    assert poll() == ["day.hl7"]

    assert codes((drop / "day.hl7.ack").read_bytes()) == ["AA", "AR", "AA"]
    assert (drop / "done" / "day.hl7").exists()
    assert not (drop / "day.hl7").exists()
    assert [row.state for row in world.journal()] == ["waiting", "quarantined", "waiting"]
    assert poll() == poll() == []


def test_a_file_that_grows_between_two_looks_is_left_alone(world: Inbound, drop: Path, poll: Poll) -> None:
    path = drop / "day.hl7"
    path.write_bytes(adt("1")[:40])
    assert poll() == []
    path.write_bytes(adt("1"))
    assert poll() == []
    assert world.journal() == []

    assert poll() == ["day.hl7"]
    assert world.bodies() == [adt("1")]


@pytest.mark.parametrize("name", ["day.hl7.tmp", "day.part", ".day.hl7", "day.hl7.ack"])
def test_a_name_that_says_it_is_being_written_is_never_taken(world: Inbound, drop: Path, poll: Poll, name: str) -> None:
    (drop / name).write_bytes(adt("1"))
    assert [poll() for _ in range(3)] == [[]] * 3
    (drop / name).rename(drop / "day.hl7")
    poll()

    assert poll() == ["day.hl7"]


def test_links_and_folders_are_left_alone(world: Inbound, drop: Path, poll: Poll, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.hl7").write_bytes(adt("1"))
    (drop / "link.hl7").symlink_to(tmp_path / "elsewhere.hl7")
    (drop / "folder.hl7").mkdir()

    assert [poll() for _ in range(3)] == [[]] * 3


def test_dropping_a_file_again_does_no_harm(world: Inbound, drop: Path, poll: Poll) -> None:
    receipts = []
    for _ in range(2):
        (drop / "day.hl7").write_bytes(framed(adt("1")) + framed(adt("2")))
        poll()
        assert poll() == ["day.hl7"]
        receipts.append((drop / "day.hl7.ack").read_bytes())

    assert receipts[0] == receipts[1]
    assert world.tally() == (4, 2, 2)
    assert sorted(path.name for path in (drop / "done").iterdir()) == ["day.hl7", "day.hl7.2"]


def test_a_process_that_died_before_the_receipt_finds_the_file_again(world: Inbound, drop: Path, poll: Poll) -> None:
    with world.client() as client:
        before = client.ask(adt("1"))
    (drop / "day.hl7").write_bytes(adt("1"))
    poll()
    poll()

    assert (drop / "day.hl7.ack").read_bytes() == before
    assert world.tally() == (2, 1, 1)


@pytest.mark.parametrize("content", [b"", b"no message", b"\x0b" + adt("1")[:60]])
def test_a_file_without_a_whole_message_is_refused_and_kept(world: Inbound, drop: Path, poll: Poll, content: bytes) -> None:
    (drop / "day.hl7").write_bytes(content)
    poll()
    poll()

    assert codes((drop / "day.hl7.ack").read_bytes()) == ["AR"]
    assert [row.state for row in world.journal()] == ["quarantined"]


def test_of_a_file_over_the_limit_the_beginning_is_kept_and_it_is_put_apart(world: Inbound, drop: Path, poll: Poll) -> None:
    (drop / "day.hl7").write_bytes(adt("1") + b"x" * 100_000)
    poll()
    poll()

    assert codes((drop / "day.hl7.ack").read_bytes()) == ["AR"]
    assert (drop / "refused" / "day.hl7").exists()
    assert [(row.state, row.reason) for row in world.journal()] == [("quarantined", "oversize")]


def test_a_file_that_takes_the_name_of_the_one_being_read_stays_and_is_taken_too(drop: Path, tmp_path: Path) -> None:
    places = Places(drop)
    (drop / "day.hl7").write_bytes(b"one")
    read = places.look("day.hl7")
    assert read is not None
    (tmp_path / "other").write_bytes(b"two")
    (tmp_path / "other").rename(drop / "day.hl7")

    assert not places.put_away("day.hl7", read, b"receipt", "done")
    assert [path.read_bytes() for path in drop.glob("*.hl7*")] == [b"two"]


def test_what_a_process_that_died_had_in_hand_is_back_in_the_folder(drop: Path) -> None:
    (drop / TAKEN).mkdir()
    (drop / TAKEN / "day.hl7").write_bytes(b"one")
    (drop / "day.hl7").write_bytes(b"two")
    Places(drop).put_back()

    assert {path.name: path.read_bytes() for path in drop.iterdir() if path.is_file()} == {"day.hl7": b"two", "day.hl7.2": b"one"}


@pytest.mark.parametrize("name", ["done", "refused", "x" * 255, "é" * 127])
def test_no_name_keeps_a_file_from_being_taken(world: Inbound, drop: Path, poll: Poll, name: str) -> None:
    (drop / name).write_bytes(adt("1"))
    (drop / "a.hl7").write_bytes(adt("2"))
    poll()

    assert sorted(poll()) == sorted(["a.hl7", name])
    assert [codes(path.read_bytes()) for path in drop.glob("*.ack")] == [["AA"], ["AA"]]
    assert {path.name for path in (drop / "done").iterdir()} == {"a.hl7", name}


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127])
def test_of_names_too_long_for_a_receipt_no_two_have_the_same(name: str) -> None:
    others = {fitting(name[:-1] + last, suffix) for last in "ab" for suffix in (".ack", ".2")}

    assert len(others) == 4
    assert all(len(os.fsencode(f".{other}")) <= 255 for other in others)


def test_a_running_listener_takes_what_is_dropped(database_url: str, drop: Path) -> None:
    listener = {"code": "drop", "kind": "folder", "path": drop, "sources": ["vesta"], "interval_s": 0.02}
    with inbound(database_url, listener) as world:
        (drop / "day.hl7").write_bytes(adt("1"))
        until = time.monotonic() + PATIENCE_S
        while not (drop / "done" / "day.hl7").exists() and time.monotonic() < until:
            time.sleep(0.02)

        assert world.bodies() == [adt("1")]


def test_a_folder_that_is_not_there_stops_the_start(database_url: str, tmp_path: Path) -> None:
    listener = {"code": "drop", "kind": "folder", "path": tmp_path / "nowhere", "sources": ["vesta"]}
    with pytest.raises(Misconfigured, match="no folder"), inbound(database_url, listener):
        pass
