"""An analyst changes the maps of one source, through the command line: without Python, without a restart, and never by surprise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.mapping_world import OVERLAY, ROOT, Bench, client, own_files


@pytest.fixture
def bench(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path / "state", database_url, capsys, monkeypatch)
    bench.folder.mkdir()
    bench.configure()
    return bench


@pytest.fixture
def files(tmp_path: Path, bench: Bench) -> Path:
    """An overlay with a row and a code table, and its golden pair."""
    folder = own_files(tmp_path / "nienhuis")
    assert bench.run("mapping", "check", folder, "--source", "ons", "--update").code == 0
    return folder


def test_a_row_and_a_code_table_are_added_compared_and_activated(bench: Bench, files: Path) -> None:
    numbers = bench.journal([client(1), client(2, civilStatus=1), client(3, civilStatus=None)])

    added = bench.run("mapping", "add", files, "--source", "ons", "--label", "burgerlijke staat")
    found = bench.run("mapping", "diff", "--source", "ons", "--json").lines()
    done = bench.run("mapping", "activate", "burgerlijke staat", "--source", "ons")
    bench.map_all()

    assert (added.code, done.code) == (0, 0)
    assert found[0] == {"messages": 3, "differing": 2}
    paths = {(one["kind"], one["type"], one["path"]): one["count"] for one in found[1:]}
    assert paths == {("added", "Patient", f"maritalStatus.coding.{name}"): 2 for name in ("system", "code", "display")}
    assert {example["journal_id"] for one in found[1:] for example in one["examples"]} == set(numbers[:2])
    assert {example["row"] for one in found[1:] for example in one["examples"]} == {"nienhuis/P.civil"}
    statuses = bench.rows(
        "select convert_from(body, 'UTF8')::jsonb #>> '{maritalStatus,coding,0,code}' as code from resource order by 1"
    )
    assert [row.code for row in statuses] == ["M", "S", None]


def test_versions_are_listed_with_their_state(bench: Bench, files: Path) -> None:
    bench.run("mapping", "add", files, "--source", "ons")

    own, shipped = bench.run("mapping", "list", "--source", "ons", "--json").lines()

    assert (own["state"], own["kind"], own["label"]) == ("draft", "own", "ons@1.0.0+nienhuis")
    assert (shipped["state"], shipped["kind"]) == ("active", "shipped")
    assert own["base"] == shipped["version"]
    assert "draft" in bench.run("mapping", "list", "--source", "ons").out


def test_the_same_files_again_are_the_same_version(bench: Bench, files: Path) -> None:
    first = bench.run("mapping", "add", files, "--source", "ons")
    again = bench.run("mapping", "add", files, "--source", "ons")

    assert first.out == again.out
    assert len(bench.run("mapping", "list", "--source", "ons", "--json").lines()) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nienhuis.yaml": OVERLAY.replace("maritalStatus", "maritalState")}, "nienhuis.yaml:5: row P.civil"),
        (
            {"nienhuis.yaml": OVERLAY.replace("into: patient", "into: nobody")},
            "nienhuis.yaml:5: row P.civil: into must name a map",
        ),
        ({"nienhuis.yaml": "extends: ["}, "nienhuis.yaml:"),
        ({"burgerlijke_staat.csv": "map,source_system,source_code\nx"}, "burgerlijke_staat.csv:1: the columns must be"),
        ({"extra.py": "print()"}, "extra.py:1: no file of an overlay"),
        ({"class_map.csv": ""}, "class_map.csv:1: the class map decides"),
    ],
)
def test_files_with_a_fault_are_refused_with_file_and_line_and_nothing_is_stored(
    bench: Bench, files: Path, change: dict[str, str], said: str
) -> None:
    for name, text in change.items():
        (files / name).write_text(text)

    done = bench.run("mapping", "add", files, "--source", "ons")

    assert done.code == 1
    assert said in done.err
    assert "nothing was stored" in done.err
    assert len(bench.run("mapping", "list", "--source", "ons", "--json").lines()) == 1


def test_activation_is_refused_while_a_golden_pair_fails(bench: Bench, files: Path) -> None:
    expected = files / "golden" / "client" / "married.expected.json"
    expected.write_text(expected.read_text().replace('"Married"', '"Gehuwd"'))
    bench.run("mapping", "add", files, "--source", "ons")

    done = bench.run("mapping", "activate", "draft", "--source", "ons")

    assert done.code == 1
    assert "golden/client/married.expected.json:1: something else comes out" in done.err
    assert "maritalStatus.coding[0].display" in done.err
    assert [one["state"] for one in bench.run("mapping", "list", "--source", "ons", "--json").lines()] == ["draft", "active"]


def test_activation_is_refused_while_a_row_shows_in_no_golden_pair(bench: Bench, files: Path) -> None:
    more = '  - {id: P.hidden, into: patient, label: V, when: "civilStatus = 9", own: "hidden here"}\n'
    (files / "nienhuis.yaml").write_text(OVERLAY + more)
    bench.run("mapping", "add", files, "--source", "ons")

    done = bench.run("mapping", "activate", "draft", "--source", "ons")

    assert done.code == 1
    assert "nienhuis.yaml:6: row P.hidden: no golden pair shows what this row does in patient" in done.err
    assert "P.civil" not in done.err


def test_a_row_that_writes_no_element_is_covered_by_a_pair_that_misses_it(bench: Bench, files: Path) -> None:
    more = '  - {id: P.hidden, into: patient, label: V, when: "civilStatus = 2", own: "hidden here"}\n'
    (files / "nienhuis.yaml").write_text(OVERLAY + more)

    assert bench.run("mapping", "check", files, "--source", "ons", "--update").code == 0


def test_a_pair_without_its_other_half_is_named(bench: Bench, files: Path) -> None:
    (files / "golden" / "client" / "married.expected.json").rename(files / "golden" / "client" / "other.expected.json")

    done = bench.run("mapping", "check", files, "--source", "ons")

    assert done.code == 1
    assert "married.source:1: what becomes of it is missing" in done.err
    assert "other.expected.json:1: its message is missing" in done.err


def test_an_older_version_is_activated_again(bench: Bench, files: Path) -> None:
    bench.run("mapping", "add", files, "--source", "ons", "--label", "een")
    bench.run("mapping", "activate", "een", "--source", "ons")
    back = bench.run("mapping", "activate", "shipped", "--source", "ons")
    again = bench.run("mapping", "activate", "shipped", "--source", "ons")

    states = {one["label"]: one["state"] for one in bench.run("mapping", "list", "--source", "ons", "--json").lines()}

    assert back.code == 0
    assert "was active already" in again.out
    assert states == {"een": "retired", "ons@1.0.0": "active"}


def test_every_act_is_in_the_trail(bench: Bench, files: Path) -> None:
    bench.run("mapping", "add", files, "--source", "ons", "--by", "analist-1")
    bench.run("mapping", "activate", "draft", "--source", "ons", "--by", "analist-2")

    events = bench.rows("select event, agent, detail from audit_event where event like 'mapping-%%' order by at")

    assert [(one.event, one.agent) for one in events] == [("mapping-add", "analist-1"), ("mapping-activate", "analist-2")]
    assert events[1].detail["to"] == events[0].detail["version"]


def test_the_python_of_a_map_is_shown(bench: Bench, files: Path) -> None:
    bench.run("mapping", "add", files, "--source", "ons")

    names = [one["map"] for one in bench.run("mapping", "show", "--source", "ons", "--json").lines()]
    shown = bench.run("mapping", "show", "patient", "--source", "ons", "--version", "draft")

    assert "patient" in names
    assert "# nienhuis/P.civil" in shown.out
    assert "# nienhuis/P.civil" not in bench.run("mapping", "show", "patient", "--source", "ons").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--source", "nobody"), "no source is called 'nobody'; there are: ons"),
        (("activate", "feed", "--source", "ons"), "no version is called 'feed'"),
        (("diff", "--source", "ons"), "no version is called 'draft'"),
        (("show", "nothing", "--source", "ons"), "there is no map 'nothing'"),
        (("add", "missing.yaml", "--source", "ons"), "does not exist"),
    ],
)
def test_what_is_unknown_is_said_with_what_there_is(bench: Bench, words: tuple[str, ...], said: str) -> None:
    done = bench.run("mapping", *words)

    assert done.code == 2
    assert said in " ".join(done.err.replace("│", " ").split())


def test_coverage_names_the_fields_that_no_map_reads_and_the_rows_that_write_nothing(bench: Bench, files: Path) -> None:
    bench.journal([client(1), client(2, gender="")])

    before = bench.run("mapping", "coverage", "--source", "ons", "--json").lines()
    bench.run("mapping", "add", files, "--source", "ons")
    after = bench.run("mapping", "coverage", "--source", "ons", "--version", "draft", "--json").lines()

    assert (before[0]["messages"], before[0]["unreadable"]) == (2, 0)
    assert "weight" in before[0]["unused"]
    assert "patient" not in before[0]["unused"]
    unread = {one["path"]: one["messages"] for one in before[1:] if "code" in one}
    assert unread["civilStatus"] == unread["lastName"] == 2
    assert not {"id", "bsn", "gender", "addresses[].street", "birthName", "initials", "preferredNameType"} & unread.keys()
    assert "civilStatus" not in {one.get("path") for one in after}
    assert "patient/P.10" in {one.get("row") for one in before}
    assert "patient/P.7" not in {one.get("row") for one in before}


def test_a_difference_shows_no_value_of_a_person(bench: Bench, tmp_path: Path) -> None:
    folder = own_files(tmp_path / "nienhuis", "extends: ons\nremove: [patient/P.3, patient/P.9, patient/P.2]\n", None)
    bench.journal([client(1)])
    bench.run("mapping", "add", folder, "--source", "ons")

    done = bench.run("mapping", "diff", "--source", "ons")

    assert "removed  Patient name.family" in done.out
    for value in ("Putten", "Giessen", "1941-04-28", "999000111", "Johanna"):
        assert value not in done.out


UNITS = "source_unit,ucum,display,note\nkilo,kg,kg,\nKilootje,kg,kg,\n"


def test_units_of_ones_own_are_found_beside_the_overlay(bench: Bench, tmp_path: Path) -> None:
    folder = own_files(tmp_path / "nienhuis", "extends: ons\nunits: eenheden.csv\n", None)
    (folder / "eenheden.csv").write_text(UNITS)
    golden = ROOT / "tests" / "golden" / "ons-report" / "weight-with-comma.source.json"
    (folder / "golden" / "report").mkdir()
    (folder / "golden" / "report" / "weight.source").write_bytes(golden.read_bytes().replace(b'"kilo"', b'"Kilootje"'))

    done = bench.run("mapping", "check", folder, "--source", "ons", "--update")

    assert done.code == 0, done.err
    assert '"code": "kg"' in (folder / "golden" / "report" / "weight.expected.json").read_text()


def test_units_that_are_not_there_are_named(bench: Bench, files: Path) -> None:
    (files / "nienhuis.yaml").write_text(f"{OVERLAY}units: eenheden.csv\n")

    done = bench.run("mapping", "check", files, "--source", "ons")

    assert done.code == 1
    assert "nienhuis.yaml:6: there is no units file eenheden.csv" in done.err
