"""The sender's side of MLLP, against listeners that behave and listeners that don't."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from samples.vendor.mllp import END, START, Line, UnansweredError, push
from samples.vendor.world import Message, World

Answer = Callable[[str, int], bytes | None]


def _ack(code: str, about: str, error: str = "") -> bytes:
    return START + f"MSH|^~\\&|ZORGSLUIS|||||||ACK|1|P|2.5\rMSA|{code}|{about}\r{error}".encode() + END


@contextmanager
def _listening(answer: Answer) -> Iterator[tuple[int, list[str]]]:
    """Listen as ``answer`` says: of a control id and how often it came, the bytes to send; ``None`` closes the line."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=_serve, args=(listener, answer, came), daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(listener: socket.socket, answer: Answer, came: list[str]) -> None:
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        with line:
            _talk(line, answer, came)


def _talk(line: socket.socket, answer: Answer, came: list[str]) -> None:
    waiting = b""
    while read := line.recv(65536):
        waiting += read
        while END in waiting:
            frame, _, waiting = waiting.partition(END)
            control_id = frame.removeprefix(START).split(b"|")[9].decode()
            came.append(control_id)
            said = answer(control_id, came.count(control_id))
            if said is None:
                return
            line.sendall(said)


def _message(number: int) -> Message:
    control_id = f"T{number}"
    data = f"MSH|^~\\&|VESTA|DELINDE|||20261121||ADT^A08|{control_id}|P|2.5\rPID|1\r".encode()
    return Message(control_id=control_id, at=datetime(2026, 11, 21, tzinfo=UTC), kind="adt", trigger="A08", data=data)


def _line(port: int) -> Line:
    return Line(host="127.0.0.1", port=port, timeout_s=5, pause_s=0.001)


MESSAGES = [_message(number) for number in range(5)]


def test_the_next_message_goes_only_after_the_answer_to_the_one_before() -> None:
    with _listening(lambda about, _: _ack("AA", about)) as (port, came):
        told = push(_line(port), MESSAGES)

    assert came == [one.control_id for one in MESSAGES]
    assert told == Counter(AA=5, resent=0)


def test_what_was_not_answered_goes_again_with_the_same_number_and_nothing_goes_before_it() -> None:
    with _listening(lambda about, times: None if about == "T2" and times < 3 else _ack("AA", about)) as (port, came):
        told = push(_line(port), MESSAGES)

    assert came == ["T0", "T1", "T2", "T2", "T2", "T3", "T4"]
    assert told == Counter(AA=5, resent=2)


def test_who_could_not_store_it_is_asked_again_and_a_refusal_is_taken_for_what_it_is() -> None:
    def answer(about: str, times: int) -> bytes:
        if about == "T1" and times == 1:
            return _ack("AR", about, "ERR|||207^Application internal error^HL70357|E\r")
        return _ack("AE" if about == "T3" else "AA", about)

    with _listening(answer) as (port, came):
        told = push(_line(port), MESSAGES)

    assert came == ["T0", "T1", "T1", "T2", "T3", "T4"]
    assert told == Counter(AA=4, AE=1, resent=1)


def test_an_answer_to_an_earlier_message_is_not_taken_for_this_one() -> None:
    with _listening(lambda about, _: _ack("AE", "T-before") + _ack("AA", about)) as (port, _):
        assert push(_line(port), MESSAGES[:1]) == Counter(AA=1, resent=0)


def test_without_any_answer_it_ends_and_says_which_message() -> None:
    with _listening(lambda *_: None) as (port, _), pytest.raises(UnansweredError, match="T0"):
        Line(host="127.0.0.1", port=port, timeout_s=5, pause_s=0.001, attempts=3).send(MESSAGES[0])


def test_as_a_process_it_tells_the_whole_story_and_leaves_its_figures(world: World, tmp_path: Path) -> None:
    files = [word for name in ("truth", "links", "done") for word in (f"--{name}", str(tmp_path / name))]
    story = ["--clients", "6", "--days", "3", "--today", "2026-11-21"]
    with _listening(lambda about, _: _ack("AA", about)) as (port, came):
        command = [sys.executable, "-m", "samples.vendor", "push", *story, *files, "--port", str(port)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)

    figures = json.loads((tmp_path / "done").read_bytes())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == figures
    assert figures["messages"] == len(set(came))
    assert figures["AA"] == len(came)
    assert json.loads((tmp_path / "truth").read_text().splitlines()[0])["summary"] == "hl7v2"
    assert (tmp_path / "links").read_text().count("\n") > 0
    assert world.messages[0].control_id in came
