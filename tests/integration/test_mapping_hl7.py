"""An analyst takes up a vendor's own segment of HL7 v2, with a code table, for one source: no Python, no restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.hl7_world import OVERLAY, TABLE, adt, record
from tests.integration.inbound_world import connect
from tests.integration.mapping_world import Bench
from tests.kills.stage import await_condition

TYPE = "select convert_from(body, 'UTF8')::jsonb #>> '{type,0,coding,0,code}' as code from resource where rtype = 'Encounter'"


@pytest.fixture
def bench(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path / "state", database_url, capsys, monkeypatch, code="vesta", system="vesta")
    bench.folder.mkdir()
    bench.configure(connector="hl7v2")
    return bench


@pytest.fixture
def files(tmp_path: Path, bench: Bench) -> Path:
    folder = tmp_path / "vesta"
    (folder / "golden").mkdir(parents=True)
    (folder / "eigen.yaml").write_text(OVERLAY)
    (folder / "zorgprofiel.csv").write_text(TABLE)
    (folder / "golden" / "opname.source").write_bytes(adt())
    done = bench.run("mapping", "check", folder, "--source", "vesta", "--update")
    assert done.code == 0, done.err
    return folder


def test_a_vendors_segment_and_a_code_table_are_taken_up(bench: Bench, files: Path) -> None:
    first, second, other = bench.journal(
        [record(adt()), record(adt(number="2", profile="5VV")), record(adt("A40", number="3", mrg="0012000"))], "hl7v2"
    )
    source = ("--source", "vesta")

    work = bench.run("mapping", "coverage", *source, "--json").lines()
    bench.run("mapping", "add", files, *source, "--label", "zorgprofiel")
    found = bench.run("mapping", "diff", "active", "zorgprofiel", *source, "--last", "10000", "--json").lines()
    refused = bench.run("mapping", "activate", "zorgprofiel", *source)
    bench.map_all()

    assert ("ZVV", "segment-unmapped", 2) in {(one.get("path"), one.get("code"), one.get("messages")) for one in work}
    assert found[0] == {"messages": 3, "differing": 2}
    assert {(one["kind"], one["type"], one["path"], one["count"]) for one in found[1:]} == {
        ("added", "Encounter", "type.coding.system", 2),
        ("added", "Encounter", "type.coding.code", 2),
        ("added", "Encounter", "type.coding.display", 2),
        ("added", "Encounter", "serviceProvider.display", 2),
    }
    named = {example["journal_id"] for one in found[1:] for example in one["examples"]}
    assert named == {first, second}
    assert other not in named
    assert refused.code == 0, refused.err
    assert [row.code for row in bench.rows(TYPE)] == ["5VV"]


def address(log: Path) -> str:
    """Return where the running process listens, once it says so."""
    await_condition(lambda: b"listener.listening" in log.read_bytes())
    lines = [json.loads(line) for line in log.read_text().splitlines() if "listener.listening" in line]
    return str(lines[0]["address"])


def test_a_process_that_runs_maps_with_an_activated_version_from_its_next_batch_on(bench: Bench, files: Path) -> None:
    bench.configure(connector="hl7v2", listeners=[{"code": "hl7", "kind": "mllp", "bind": "127.0.0.1:0", "sources": ["vesta"]}])
    mapped = "select count(*)::int as n from journal where state = 'mapped'"

    with bench.serving() as (process, log), connect(address(log)) as sender:
        sender.ask(adt(number="1", visit="V1"))
        await_condition(lambda: bench.rows(mapped)[0].n == 1)
        bench.run("mapping", "add", files, "--source", "vesta")
        done = bench.run("mapping", "activate", "draft", "--source", "vesta")
        sender.ask(adt(number="2", visit="V2"))
        await_condition(lambda: bench.rows(mapped)[0].n == 2)
        assert process.poll() is None

    assert done.code == 0
    versions = [row.sha for row in bench.rows("select encode(mapping_sha, 'hex') as sha from journal order by id")]
    assert done.out.split()[0] == versions[1][:12]
    assert versions[0] != versions[1]
    assert sorted(row.code or "" for row in bench.rows(TYPE)) == ["", "4VV"]


def test_a_code_that_the_table_does_not_know_leaves_the_rest_and_an_issue(bench: Bench, files: Path) -> None:
    bench.run("mapping", "add", files, "--source", "vesta")
    bench.run("mapping", "activate", "draft", "--source", "vesta")
    [number] = bench.journal([record(adt(profile="9XX"))], "hl7v2")

    bench.map_all()

    issues = bench.rows("select code, row_id, source_path, masked from mapping_issue where journal_id = %s", number)
    assert ("code-unmapped", "eigen/ZVV.3") in {(one.code, one.row_id) for one in issues}
    assert [row.code for row in bench.rows(TYPE)] == [None]


def test_a_row_that_no_pair_shows_keeps_the_version_from_being_activated(bench: Bench, files: Path) -> None:
    text = OVERLAY + '  - {id: ZVV.2, into: encounter, from: ZVV-9, to: "type[]", as: CWE, own: "never sent"}\n'
    (files / "eigen.yaml").write_text(text)
    bench.run("mapping", "add", files, "--source", "vesta")

    done = bench.run("mapping", "activate", "draft", "--source", "vesta")

    assert done.code == 1
    assert "eigen.yaml:7: row ZVV.2: no golden pair shows what this row does in encounter" in done.err


def test_a_message_in_quarantine_is_shown_with_its_report_of_conformance(bench: Bench) -> None:
    [number] = bench.journal([record(adt().replace(b"0012345^^^VESTA^PI", b""))], "hl7v2")
    bench.map_all()

    shown = bench.run("quarantine", "show", str(number), "--json").lines()[0]

    assert shown["state"] == "quarantined"
    assert shown["conformance"]
    assert "Jansen" not in bench.run("quarantine", "show", str(number)).out


def test_a_corrected_message_is_mapped_in_the_place_of_the_wrong_one(bench: Bench, tmp_path: Path) -> None:
    [number] = bench.journal([record(adt().replace(b"0012345^^^VESTA^PI", b""))], "hl7v2")
    bench.map_all()
    (tmp_path / "corrected.hl7").write_bytes(adt())

    done = bench.run("quarantine", "replace", str(number), tmp_path / "corrected.hl7")
    bench.map_all()

    assert done.code == 0
    assert [(row.state, row.reason) for row in bench.rows("select state, reason from journal order by id")] == [
        ("set-aside", "replaced"),
        ("mapped", None),
    ]
    [row] = bench.rows("select source_time from journal where replaces = %s", number)
    assert f"{row.source_time:%Y-%m-%d %H:%M:%S}" == "2026-03-10 13:30:05"
