"""A message that was set aside is looked at, put right and let through; nothing is lost, and every act is in the trail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.accounting import ledgers
from tests.integration.mapping_world import GOLDEN, Bench, client, own_files

WEIGHT = json.loads((GOLDEN / "ons-report" / "weight-with-comma.source.json").read_bytes())


def report(number: int, **facts: Any) -> tuple[str, str, bytes]:
    return str(number), "report", json.dumps({**WEIGHT, "id": number, **facts}).encode()


@pytest.fixture
def bench(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path / "state", database_url, capsys, monkeypatch)
    bench.folder.mkdir()
    bench.configure()
    return bench


@pytest.fixture
def wrong(bench: Bench) -> int:
    """The number of a report without its client, in quarantine beside one that was mapped."""
    _, number = bench.journal([report(1), report(2, clientId=None)])
    bench.map_all()
    return number


def state(bench: Bench, number: int) -> tuple[str, str | None]:
    [row] = bench.rows("select state, reason from journal where id = %s", number)
    return row.state, row.reason


def assert_balanced(bench: Bench) -> None:
    with bench.opened() as (installation, org):
        assert all(line.balanced for line in ledgers(installation.gateway, org).records)


def test_what_is_in_quarantine_is_listed_with_the_first_thing_found(bench: Bench, wrong: int) -> None:
    [one] = bench.run("quarantine", "list", "--json").lines()

    assert (one["id"], one["source"], one["kind"], one["reason"]) == (wrong, "ons", "report", "required-missing")
    assert one["path"] == "clientId"
    assert str(wrong) in bench.run("quarantine", "list", "--reason", "required-missing").out
    assert bench.run("quarantine", "list", "--reason", "structure", "--json").lines() == []


def test_all_that_was_found_is_shown_and_nothing_of_what_was_written(bench: Bench, wrong: int) -> None:
    done = bench.run("quarantine", "show", str(wrong))

    assert "required-missing" in done.out
    assert "Met kleren aan" not in done.out
    assert bench.rows("select from audit_event where event = 'message-read'") == []


def test_reading_the_message_itself_is_audited(bench: Bench, wrong: int) -> None:
    done = bench.run("quarantine", "show", str(wrong), "--clear", "--by", "verpleegkundige-4")

    assert "Met kleren aan" in done.out
    [event] = bench.rows("select agent, action, detail from audit_event where event = 'message-read'")
    assert (event.agent, event.action, event.detail["message"]) == ("verpleegkundige-4", "R", wrong)


# For an ECD in which whoever writes a report is written down as its client: it only serves to let a report through.
ANYWAY = """
extends: ons
add:
  - id: W.anyway
    into: weight
    to: subject
    as: reference
    with: {type: Patient, key: [client, "{createdBy}"]}
    own: "in tests"
"""


def anyway(bench: Bench, folder: Path) -> None:
    """Lay a version ready that takes a report without its client."""
    own_files(folder, ANYWAY, None)
    (folder / "golden" / "report").mkdir()
    (folder / "golden" / "report" / "without-client.source").write_bytes(report(2, clientId=None)[2])
    assert bench.run("mapping", "check", folder, "--source", "ons", "--update").code == 0
    assert bench.run("mapping", "add", folder, "--source", "ons", "--label", "anyway").code == 0


def test_a_dry_run_says_what_would_come_out_and_stores_nothing(bench: Bench, wrong: int, tmp_path: Path) -> None:
    anyway(bench, tmp_path / "own")

    plain = bench.run("quarantine", "retry", str(wrong), "--dry-run", "--json")
    other = bench.run("quarantine", "retry", str(wrong), "--dry-run", "--version", "anyway", "--json")

    assert (plain.code, plain.lines()[0]["outcome"]) == (1, "quarantined")
    assert (other.code, other.lines()[0]["resources"]) == (0, {"Observation": 1})
    assert state(bench, wrong) == ("quarantined", "required-missing")


def test_a_released_message_waits_and_is_mapped_with_the_active_version(bench: Bench, wrong: int) -> None:
    first = bench.run("quarantine", "release", str(wrong), "--by", "beheer")
    assert state(bench, wrong) == ("waiting", None)
    again = bench.run("quarantine", "release", str(wrong))
    bench.map_all()

    assert "waiting" in first.out
    assert "not in quarantine" in again.out
    assert state(bench, wrong) == ("quarantined", "required-missing")
    assert len(bench.rows("select from mapping_issue where journal_id = %s and severity = 'error'", wrong)) == 1
    assert [row.agent for row in bench.rows("select agent from audit_event where event = 'quarantine-release'")] == ["beheer"]
    assert_balanced(bench)


def test_a_message_of_somebody_who_is_no_source_is_never_released_as_another_s(bench: Bench, wrong: int) -> None:
    bench.rows("update journal set reason = 'unknown-source' where id = %s returning id", wrong)

    bench.run("quarantine", "release", str(wrong), "--by", "beheer")

    assert state(bench, wrong) == ("quarantined", "unknown-source")


def test_all_that_were_set_aside_for_a_reason_are_released_at_once(bench: Bench, wrong: int) -> None:
    more = bench.journal([report(3, clientId=None), ("4", "report", b"{")])
    bench.map_all()

    done = bench.run("quarantine", "release", "--reason", "required-missing", "--all", "--json").lines()

    assert [one["id"] for one in done] == [wrong, more[0]]
    assert state(bench, more[1]) == ("quarantined", "structure")


def test_a_retried_message_leaves_quarantine_when_the_maps_take_it_now(bench: Bench, wrong: int, tmp_path: Path) -> None:
    before = bench.run("quarantine", "retry", str(wrong))
    anyway(bench, tmp_path / "own")
    bench.run("mapping", "activate", "anyway", "--source", "ons")
    after = bench.run("quarantine", "retry", str(wrong))

    assert (before.code, after.code) == (1, 0)
    assert "quarantined" in before.out
    assert f"message {wrong}: mapped" in after.out
    assert state(bench, wrong) == ("mapped", None)
    assert_balanced(bench)


def test_a_corrected_message_takes_the_place_of_the_wrong_one(bench: Bench, wrong: int, tmp_path: Path) -> None:
    corrected = tmp_path / "corrected.json"
    corrected.write_bytes(report(2)[2])

    trial = bench.run("quarantine", "replace", str(wrong), corrected, "--dry-run", "--json").lines()[0]
    first = bench.run("quarantine", "replace", str(wrong), corrected, "--by", "beheer", "--json").lines()[0]
    again = bench.run("quarantine", "replace", str(wrong), corrected, "--json").lines()[0]
    bench.map_all()

    assert (trial["outcome"], trial["resources"]) == ("ok", {"Observation": 1})
    assert (first["done"], again["done"]) == (True, False)
    assert first["replacement"] == again["replacement"]
    assert state(bench, wrong) == ("set-aside", "replaced")
    assert state(bench, first["replacement"]) == ("mapped", None)
    assert bench.run("messages", "show", str(wrong), "--json").lines()[0]["replaced_by"] == first["replacement"]
    assert_balanced(bench)


def test_the_same_wrong_bytes_from_the_source_are_nothing_new_after_a_correction(
    bench: Bench, wrong: int, tmp_path: Path
) -> None:
    corrected = tmp_path / "corrected.json"
    corrected.write_bytes(report(2)[2])
    [before] = bench.rows("select body_hash from source_record where record_key = '2'")

    bench.run("quarantine", "replace", str(wrong), corrected)

    [after] = bench.rows("select body_hash, journal_id from source_record where record_key = '2'")
    assert after.body_hash == before.body_hash
    assert after.journal_id > wrong


@pytest.mark.parametrize(
    ("number", "body", "said"),
    [
        ("9999", b"{}", "there is no message 9999"),
        ("mapped", b"{}", "is mapped; only one in quarantine can be replaced"),
        ("wrong", b"{", "can't be read"),
    ],
)
def test_a_replacement_that_makes_no_sense_is_refused(
    bench: Bench, wrong: int, tmp_path: Path, number: str, body: bytes, said: str
) -> None:
    file = tmp_path / "corrected.json"
    file.write_bytes(body)
    named = {"mapped": str(wrong - 1), "wrong": str(wrong)}.get(number, number)

    done = bench.run("quarantine", "replace", named, file)

    assert done.code == 2
    assert said in done.err
    assert state(bench, wrong) == ("quarantined", "required-missing")


def test_what_was_no_record_has_to_come_from_its_source_again(bench: Bench, tmp_path: Path) -> None:
    [number] = bench.journal([("unreadable-0a1b2c", "report", b"{")])
    bench.map_all()
    file = tmp_path / "corrected.json"
    file.write_bytes(report(2)[2])

    done = bench.run("quarantine", "replace", str(number), file)

    assert done.code == 2
    assert "nobody knows which one it is; the source has to send it again" in done.err


def test_a_replacement_that_is_wrong_too_is_replaced_in_its_turn(bench: Bench, wrong: int, tmp_path: Path) -> None:
    file = tmp_path / "corrected.json"
    file.write_bytes(report(2, clientId=None, comment="Nog niet goed.")[2])
    second = bench.run("quarantine", "replace", str(wrong), file, "--json").lines()[0]["replacement"]
    bench.map_all()
    file.write_bytes(report(2)[2])

    refused = bench.run("quarantine", "replace", str(wrong), file)
    done = bench.run("quarantine", "replace", str(second), file)
    bench.map_all()

    assert f"message {wrong} was replaced by message {second} already" in refused.err
    assert done.code == 0
    assert state(bench, second) == ("set-aside", "replaced")
    assert_balanced(bench)


def test_a_version_that_a_newer_one_overtook_is_not_replaced(bench: Bench, wrong: int, tmp_path: Path) -> None:
    bench.journal([report(2)])
    file = tmp_path / "corrected.json"
    file.write_bytes(report(2, comment="Anders.")[2])

    done = bench.run("quarantine", "replace", str(wrong), file)

    assert done.code == 2
    assert "a newer version of its record came in" in done.err


def test_messages_are_listed_by_what_is_known_of_them(bench: Bench, wrong: int) -> None:
    bench.journal([client(7)])

    assert [one["id"] for one in bench.run("messages", "list", "--state", "quarantined", "--json").lines()] == [wrong]
    assert [one["key"] for one in bench.run("messages", "list", "--kind", "client", "--json").lines()] == ["7"]
    assert [one["id"] for one in bench.run("messages", "list", "--control-id", "2", "--json").lines()] == [wrong]
    assert len(bench.run("messages", "list", "--source", "ons", "--json").lines()) == 3
    assert bench.run("messages", "list", "--source", "nobody", "--json").lines() == []
    assert "there is no state 'held'" in bench.run("messages", "list", "--state", "held").err


def test_a_message_is_shown_with_what_it_became(bench: Bench, wrong: int) -> None:
    shown = bench.run("messages", "show", str(wrong - 1), "--json").lines()[0]

    assert (shown["state"], len(shown["resources"])) == ("mapped", 1)
    assert shown["resources"][0].startswith("Observation/")
    assert "kleren" not in bench.run("messages", "show", str(wrong - 1)).out


def test_no_listing_shows_a_value_of_a_person(bench: Bench) -> None:
    [number] = bench.journal([("8", "client", client(8)[2].replace(b'"id": 8', b'"id": null'))])
    bench.map_all()

    said = "".join(
        bench.run(*words).out
        for words in (
            ("quarantine", "list"),
            ("quarantine", "show", str(number)),
            ("quarantine", "retry", str(number), "--dry-run"),
            ("messages", "list"),
            ("messages", "show", str(number)),
        )
    )

    for value in ("Putten", "999000111", "1941", "Gravenweg", "voorbeeld"):
        assert value not in said
