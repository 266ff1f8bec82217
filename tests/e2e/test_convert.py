"""``zorgsluis convert`` and ``zorgsluis check`` as somebody at a prompt, or a script, uses them."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from api.bench.messages import KINDS, messages
from api.cli.app import app
from tests.conftest import reachable_folder

GUIDE = Path(__file__).parents[1] / "messages" / "guide"
BSN_SYSTEM = "http://fhir.nl/fhir/NamingSystem/bsn"
MEGABYTE = 1024 * 1024
Lines = list[dict[str, Any]]


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run(*arguments: str | Path, data: bytes = b"") -> Done:
    """Run a command in this process, where the maps are compiled once."""
    result = CliRunner().invoke(app, list(map(str, arguments)), input=data, catch_exceptions=False)
    return Done(result.exit_code, result.stdout_bytes, result.stderr_bytes)


def process(*arguments: str | Path, data: bytes = b"", limit: int | None = None) -> Done:
    """Run a command as a process; it never says anything with a traceback. ``limit`` bounds its memory, in bytes of address space."""

    def bounded() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    command = [sys.executable, "-m", "api.cli", *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=240, check=False, preexec_fn=bounded)
    assert b"Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def converted(*arguments: str | Path, data: bytes = b"", code: int = 0) -> Lines:
    done = run("convert", *arguments, data=data)
    assert done.returncode == code, done.stderr
    lines: Lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(list(line) == ["file", "index", "ack", "outcome", "issues", "bundle"] for line in lines)
    return lines


def resources(line: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in line["bundle"]["entry"] if entry["resource"]["resourceType"] == kind]


def sample(kind: str, number: int = 1) -> bytes:
    return list(messages(kind, number))[-1]


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for one in value for found in references(one)]
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [found for one in value.values() for found in references(one)]
    return []


# One line a message


def test_each_kind_becomes_a_transaction_with_absolute_urls_relative_references_and_the_bsn(tmp_path: Path) -> None:
    paths = [tmp_path / f"{kind}.hl7" for kind in KINDS]
    for kind, path in zip(KINDS, paths, strict=True):
        path.write_bytes(sample(kind))

    lines = converted(*paths)

    assert [(line["file"], line["index"], line["ack"]) for line in lines] == [(str(path), 0, "CA") for path in paths]
    for line in lines:
        assert line["outcome"] in ("ok", "ok-with-issues")
        assert (line["bundle"]["resourceType"], line["bundle"]["type"]) == ("Bundle", "transaction")
        for entry in line["bundle"]["entry"]:
            place = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
            assert entry["request"] == {"method": "PUT", "url": place}
            assert entry["fullUrl"] == f"https://zorgsluis.example/fhir/{place}"
        places = {entry["request"]["url"] for entry in line["bundle"]["entry"]}
        assert [one for one in references(line["bundle"]) if not re.fullmatch(r"[A-Za-z]+/[A-Za-z0-9.-]+", one)] == []
        assert [one for one in references(line["bundle"]) if one.startswith("Patient/") and one not in places] == []
        [patient] = resources(line, "Patient")
        [number] = [one["value"] for one in patient["identifier"] if one.get("system") == BSN_SYSTEM]
        assert re.fullmatch(r"999\d{6}", number)


def test_the_same_input_gives_the_same_bytes_every_time() -> None:
    data = b"".join(sample(kind, 2) for kind in KINDS)
    first, second = process("convert", "-", data=data), run("convert", "-", data=data)
    assert first.stdout == second.stdout
    assert first.stdout.count(b"\n") == 4


def test_captures_batches_and_several_messages_in_a_file_are_read_unit_by_unit(tmp_path: Path) -> None:
    one, two = sample("adt"), sample("oru")
    capture, batch, several = tmp_path / "capture", tmp_path / "batch", tmp_path / "several"
    capture.write_bytes(b"\x0b" + one + b"\x1c\r\x0b" + two + b"\x1c\r\x0b" + one[:300])
    batch.write_bytes(b"FHS|^~\\&|ECD\rBHS|^~\\&|ECD\r" + one + two + b"BTS|2\rFTS|1\r")
    several.write_bytes((one + two).replace(b"\r", b"\r\n"))

    lines = converted(capture, batch, several, code=1)

    assert [(Path(line["file"]).name, line["index"], line["ack"]) for line in lines] == [
        *(("capture", 0, "CA"), ("capture", 1, "CA"), ("capture", 2, None)),
        *(("batch", 0, "CA"), ("batch", 1, "CA")),
        *(("several", 0, "CA"), ("several", 1, "CA")),
    ]
    assert [line["bundle"] for line in lines if line["ack"]] == [lines[0]["bundle"], lines[1]["bundle"]] * 3
    assert (lines[2]["outcome"], lines[2]["bundle"]) == ("quarantined", None)


NO_MESSAGES = (
    (b"", None),
    (b"\r\n \r\n", None),
    (b"Beste collega,\r\ndit is geen bericht.\r\n", "AR"),
    (bytes(range(256)) * 40, "AR"),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * 1000, "AR"),
    (b"MSH", "AR"),
    (b"PID|1||2\r", "AR"),
    (b"MSH|^~\\&|A|B|||20260101||ADT^A08||P|2.5\rPID|1||2^^^A^PI\r", "AR"),
    (b"MSH|^~\\&|A|B|||20260101||ADT^A08|1|P|2.5\rEVN|A08\r", "AE"),
    (b"MSH|^~\\&|A|B|||20260101||ORM^O01|1|P|2.5\rPID|1||2^^^A^PI\r", "AR"),
)


def test_what_is_no_message_is_one_line_quarantined_with_its_reason(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.hl7" for number in range(len(NO_MESSAGES))]
    for path, (data, _) in zip(paths, NO_MESSAGES, strict=True):
        path.write_bytes(data)

    lines = converted(*paths, code=1)

    assert [(line["file"], line["index"], line["ack"]) for line in lines] == [
        (str(path), 0, ack) for path, (_, ack) in zip(paths, NO_MESSAGES, strict=True)
    ]
    assert all((line["outcome"], line["bundle"]) == ("quarantined", None) for line in lines)
    assert all(line["issues"][0]["severity"] == "error" and line["issues"][0]["reason"] for line in lines)


def test_the_answer_is_in_the_mode_that_the_sender_asks_for() -> None:
    plain = sample("adt").replace(b"|||AL|NE|NLD", b"|||||NLD")
    assert [line["ack"] for line in converted("-", data=plain + sample("adt"))] == ["AA", "CA"]


def test_two_patients_in_one_message_stay_apart() -> None:
    head, *rest = sample("oru", 1).split(b"\r")
    other = sample("oru", 2).split(b"\r")[1:]
    [line] = converted("-", data=b"\r".join([head, *rest[:-1], *other]))

    mine, others = (one["id"] for one in resources(line, "Patient"))
    subjects = [one["subject"]["reference"] for one in resources(line, "Observation")]
    assert set(subjects) == {f"Patient/{mine}", f"Patient/{others}"}
    assert len([one for one in subjects if one == f"Patient/{mine}"]) == len(subjects) / 2


# The guide's own messages


def test_the_guides_messages_of_our_kinds_convert_and_of_the_others_nothing_is_lost() -> None:
    ours, others = ("ADT_A01", "ORU_R01", "MDM_T02", "SIU_S12"), ("ORM_O01", "OML_O21", "VXU_V04")
    lines = converted(*(GUIDE / f"{name}.hl7" for name in (*ours, *others)), code=1)

    assert [Path(line["file"]).stem for line in lines] == [*ours, *others]
    for line in lines[:4]:
        assert line["outcome"] in ("ok", "ok-with-issues"), line["issues"]
        assert resources(line, "Patient")
    for line in lines[4:]:
        assert (line["ack"][1], line["outcome"], line["bundle"]) == ("R", "quarantined", None)
        assert {issue["code"] for issue in line["issues"]} == {"structure"}


# Wrong use, and too much


def test_a_folder_or_a_file_that_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "none.hl7"):
        done = run("convert", wrong)
        assert done.returncode == 2
        assert str(wrong.name).encode() in done.stderr.replace(b"\n", b"")
        assert done.stdout == b""


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_converted(tmp_path: Path) -> None:
    good = tmp_path / "good.hl7"
    good.write_bytes(sample("adt"))
    # Reading a process's memory from its beginning fails, for root too.
    done = run("convert", "/proc/self/mem", good)
    assert done.returncode == 3
    assert b"/proc/self/mem" in done.stderr
    assert done.stdout.count(b"\n") == 1


def test_fifty_megabytes_in_one_segment_are_one_line_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.hl7"
    lines = sample("mdm").split(b"\r")
    lines[5] = b"OBX|1|TX|34109-9^Rapportage^LN||" + b"rustige dag. " * (50 * MEGABYTE // 13) + b"||||||F"
    path.write_bytes(b"\r".join(lines))
    shapeless = tmp_path / "shapeless.bin"
    shapeless.write_bytes(b"x" * 50 * MEGABYTE)

    done = process("convert", path, shapeless, limit=2048 * MEGABYTE)

    assert done.returncode == 1, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["ack"], second["ack"]) == ("CA", "AR")


# As a source


def test_a_source_converts_with_its_own_ids_and_only_when_it_is_there(tmp_path: Path) -> None:
    state = reachable_folder("convert")
    state.mkdir(parents=True, exist_ok=True)
    config = tmp_path / "zorgsluis.yaml"
    source = {"code": "vesta", "connector": "hl7v2", "system": "vesta"}
    config.write_text(yaml.safe_dump({"organisations": [{"code": "delinde", "name": "De Linde", "sources": [source]}]}))
    options = ("--config", str(config), "--state", str(state))

    mine = process(*options, "convert", "-", "--source", "vesta", data=sample("adt"))
    unknown = process(*options, "convert", "-", "--source", "nobody", data=sample("adt"))

    assert mine.returncode == 0, mine.stderr
    [line] = [json.loads(text) for text in mine.stdout.splitlines()]
    [base] = converted("-", data=sample("adt"))
    assert {e["request"]["url"] for e in line["bundle"]["entry"]}.isdisjoint(
        {e["request"]["url"] for e in base["bundle"]["entry"]}
    )
    assert (unknown.returncode, b"there are: vesta" in unknown.stderr) == (2, True), unknown.stderr


# Check


def test_a_check_says_what_deviates_what_is_answered_and_what_becomes_of_it() -> None:
    data = sample("adt").replace(b"|W^gehuwd^HL70002", b"|Geheim^x^HL70002") + b"XYZ|1\r"
    done = run("check", "-", data=data)

    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "- [0]  ADT^A01" in text
    assert re.search(r"XYZ +segment-unknown", text)
    assert re.search(r"answer +CA\n", text)
    assert re.search(r"outcome +ok.*: .*1 Patient", text)
    assert "Geheim" not in text
    assert not re.search(r"999\d{6}", text)


def test_a_check_prints_json_lines_and_ends_with_1_when_something_would_be_refused() -> None:
    done = run("check", "-", "--json", data=sample("adt") + b"MSH|^~\\&|A|B|||20260101||ADT^A08|1|P|2.5\rEVN|A08|20260101\r")

    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 1
    assert (first["type"], first["ack"], first["resources"]["Patient"]) == ("ADT^A01", "CA", 1)
    assert (second["ack"], second["outcome"], second["resources"]) == ("AE", "quarantined", {})
    assert [error["segment"] for error in second["errors"]] == ["PID"]
    assert {finding["code"] for finding in second["findings"]} == {"required-missing"}


def test_anything_can_be_checked(tmp_path: Path) -> None:
    for name, data in (("a", b""), ("b", b"text"), ("c", bytes(range(256)) * 10)):
        (tmp_path / name).write_bytes(data)
    done = run("check", *sorted(tmp_path.iterdir()))
    assert done.returncode == 1
    assert done.stdout.count(b"outcome   quarantined") == 3
