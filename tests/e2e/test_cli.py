"""The commands as an operator types them, over a small organisation that was synchronised once."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.conftest import reachable_folder
from tests.kills.stage import Stage, await_condition, environment, prepared, staged

Lines = list[dict[str, Any]]
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def stage(worker_id: str) -> Iterator[Stage]:
    folder = reachable_folder(f"cli-{worker_id}")
    with prepared(folder) as organisation, staged(organisation, folder.with_name(f"{folder.name}-copy")) as stage:
        done = stage.run("sync")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ok" in done.stdout
        assert "DOES NOT BALANCE" not in done.stdout
        yield stage


def run(stage: Stage, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; whatever it says, it never says it with a traceback, a name or a BSN."""
    done = subprocess.run(
        stage.command(*arguments), env={**environment(), **(env or {})}, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr
    assert not re.search(r"\b999\d{6}\b", done.stdout + done.stderr)
    return done


def lines(stage: Stage, *arguments: str) -> Lines:
    """Run a listing with ``--json`` and read each line."""
    done = run(stage, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def truth(stage: Stage, **facts: str) -> dict[str, Any]:
    """Return the first line of the generator's truth with these facts."""
    found = [json.loads(line) for line in stage.files.truth.read_text().splitlines()]
    return next(line for line in found if all(line.get(name) == value for name, value in facts.items()))


def followed(stage: Stage, line: dict[str, Any]) -> dict[str, Any]:
    [found] = lines(stage, "trace", f"ons-delinde/{line['stream']}#{line['key']}")
    return found


def explained(stage: Stage, **facts: str) -> dict[str, Any]:
    """Explain the first resource of which the truth says this, for its member."""
    line = truth(stage, **facts)
    resource = next(hop["resource"] for hop in followed(stage, line)["hops"] if hop["resource"])
    [answer] = lines(stage, "explain", stage.members[line["member_key"]], resource)
    return answer


def names_and_texts(stage: Stage) -> set[str]:
    """Return what identifies or describes anybody, from the portal's own store."""
    bodies = [json.loads(write.body) for write in stage.writes() if write.op != "delete"]
    names = {name["family"] for body in bodies for name in body.get("name", []) if isinstance(name, dict) and "family" in name}
    return names | {body["valueString"] for body in bodies if "valueString" in body}


# Help and version


def test_help_fits_a_screen_and_cuts_no_sentence_off(stage: Stage) -> None:
    done = run(stage, "--help")

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) <= 30
    assert "..." not in done.stdout.partition("\n")[2]


def test_the_commands_load_nothing_heavy_until_they_are_used() -> None:
    heavy = ("psycopg", "sqlalchemy", "alembic", "starlette", "pydantic", "httpx2", "cryptography")
    script = f"import sys, api.cli.app; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_version_is_printed(stage: Stage) -> None:
    assert re.fullmatch(r"zorgsluis \d+\.\d+\.\d+\n", run(stage, "--version").stdout)


# Trace


def test_a_trace_of_a_seen_report_names_every_hop_and_the_source_of_every_element(stage: Stage) -> None:
    found = followed(stage, truth(stage, stream="reports", expect="whole"))

    steps = [hop["step"] for hop in found["hops"]]
    assert [step for step in ("journalled", "mapped", "stored", "decided", "delivered") if step not in steps] == []
    assert any(one["state"] == "delivered" and one["code"] == "grant" for one in found["standings"])
    sources = {element["path"]: element["source"] for element in found["elements"]}
    assert sources["subject.reference"] == "clientId"
    assert all(element["source"] or element["origin"] != "source" for element in found["elements"])


def test_a_trace_of_a_hidden_report_ends_in_the_store_and_says_why(stage: Stage) -> None:
    found = followed(stage, truth(stage, stream="reports", reason="hidden"))

    assert {hop["step"] for hop in found["hops"]} == {"journalled", "mapped", "stored"}
    assert {(one["state"], one["code"]) for one in found["standings"]} == {("withheld", "hidden")}


def test_a_care_plan_is_traced_by_record_as_a_whole_and_by_resource_alone(stage: Stage) -> None:
    whole = followed(stage, truth(stage, stream="care_plans", expect="whole"))
    resources = {element["resource"] for element in whole["elements"]}
    assert len({one.partition("/")[0] for one in resources}) == 2

    goal = next(one for one in resources if one.startswith("Goal/"))
    [alone] = lines(stage, "trace", goal)
    assert {hop["resource"] for hop in alone["hops"]} == {None, goal}
    assert {element["resource"] for element in alone["elements"]} == {goal}
    assert alone["others"] == len(resources) - 1


def test_a_trace_reads_as_text_without_any_name_or_text(stage: Stage) -> None:
    for stream in ("clients", "relations", "reports", "care_plans", "agenda"):
        done = run(stage, "trace", f"ons-delinde/{stream}#{truth(stage, stream=stream, expect='whole')['key']}")
        assert done.returncode == 0, done.stderr
        assert "source field" in done.stdout
        assert [word for word in names_and_texts(stage) if re.search(rf"\b{re.escape(word)}\b", done.stdout)] == []


# Explain


@pytest.mark.parametrize(
    ("facts", "code", "change"),
    [
        ({"stream": "reports", "expect": "whole"}, "grant", None),
        ({"stream": "reports", "reason": "hidden"}, "hidden", None),
        ({"stream": "reports", "reason": "marked-confidential"}, "marked-confidential", None),
        ({"stream": "reports", "reason": "level-too-low"}, "level-too-low", "level-private-medical"),
    ],
)
def test_an_explanation_gives_the_reason_in_two_languages_and_what_would_change_it(
    stage: Stage, facts: dict[str, str], code: str, change: str | None
) -> None:
    answer = explained(stage, **facts)

    assert (answer["code"], answer["change"]) == (code, change)
    assert "persoon" in answer["nl"] or "naaste" in answer["nl"]
    assert "person" in answer["en"] or "relative" in answer["en"]


def test_another_clients_resource_is_explained_as_not_linked(stage: Stage) -> None:
    seen = truth(stage, stream="reports", expect="whole")
    other = next(member for key, member in stage.members.items() if not key.startswith(f"{seen['client']}/"))
    resource = next(hop["resource"] for hop in followed(stage, seen)["hops"] if hop["resource"])

    done = run(stage, "explain", other, resource)

    assert done.returncode == 0
    assert re.match(r"not-linked\nnl  .+\nen  .+\n(?:(?!on  ).+\n)*on  link ", done.stdout)


# Verify, listings


def test_verify_holds_and_with_read_back_too(stage: Stage) -> None:
    assert "all hold: I1 I3" in run(stage, "verify").stdout
    assert "I2" in run(stage, "verify", "--read-back").stdout
    board = [json.loads(line) for line in run(stage, "verify", "--drift", "--sample", "2", "--json").stdout.splitlines()]
    assert (sum(row["members"] for row in board), [row["because"] for row in board if row["because"]]) == (2, [])
    assert run(stage, "verify", "--repair").returncode == 2


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (["link", "list"], "member"),
        (["schedule", "next", "--count", "7"], "slot"),
        (["db", "status"], "schema"),
        (["sync"], "ledger"),
        (["classes"], "class_key"),
    ],
)
def test_every_listing_has_json_lines(stage: Stage, command: list[str], field: str) -> None:
    found = lines(stage, *command)

    assert found
    assert all(field in line for line in found)


def test_a_history_without_slots_is_empty(stage: Stage) -> None:
    assert lines(stage, "schedule", "history") == []


def test_upgrading_an_upgraded_database_does_nothing(stage: Stage) -> None:
    assert "nothing to do" in run(stage, "db", "upgrade").stdout


# Rights


def test_a_link_that_ends_takes_everything_back_at_once(stage: Stage) -> None:
    client = truth(stage, stream="clients")["client"]
    added = run(stage, "link", "add", client, "88")
    assert "no relation 88" in added.stderr
    member = added.stdout.strip()
    assert "to deliver" in run(stage, "grant", "set", client, "88", "private-medical").stdout
    assert _held(stage, member)

    assert "to retract" in run(stage, "link", "end", client, "88").stdout
    assert _held(stage, member) == set()
    followed_client = followed(stage, truth(stage, stream="clients", client=client))
    steps = [hop["step"] for hop in followed_client["hops"] if hop["detail"].get("member") == member]
    assert steps == ["delivered", "decided", "retracted"]
    assert "nothing to do" in run(stage, "link", "end", client, "88").stdout
    assert run(stage, "verify", "--read-back").returncode == 0


def test_a_right_that_a_portal_does_not_take_is_kept_and_told(stage: Stage) -> None:
    client = truth(stage, stream="clients")["client"]
    run(stage, "link", "add", client, "89")
    stage.fault(kind="down", times=None)
    try:
        done = run(stage, "grant", "set", client, "89", "basic")
        assert done.returncode == 1
        assert "still wait" in done.stderr
        assert "portal familie" in done.stderr
        assert run(stage, "verify", "--read-back").returncode == 3
    finally:
        _clear_faults(stage)


def _clear_faults(stage: Stage) -> None:
    assert httpx2.delete(f"{stage.portal.base_url}/_sample/faults").is_success


def _held(stage: Stage, member: str) -> set[str]:
    held: set[str] = set()
    for write in stage.writes():
        if write.member == member:
            (held.discard if write.op == "delete" else held.add)(f"{write.type}/{write.id}")
    return held


# What is wrong is said: what, where, what to do


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trace", "nonsense"], "give Type/id"),
        (["trace", f"Patient/{NOBODY}"], "no such record or resource"),
        (["trace", "ons-delinde/reports#0"], "no such record or resource"),
        (["explain", "nonsense", f"Patient/{NOBODY}"], "link list"),
        (["explain", NOBODY, f"Patient/{NOBODY}"], "link list"),
        (["explain", NOBODY, "Patient"], "give Type/id"),
        (["link", "add", "404", "1"], "no client of that number"),
        (["link", "add", "1001", "1", "--portal", "x"], "there are: familie"),
        (["grant", "set", "1001", "404", "basic"], "zorgsluis link add 1001 404"),
        (["grant", "set", "1001", "404", "all"], "'none', 'basic', 'private-medical'"),
        (["schedule", "next", "--count", "0"], "greater than or equal to 1"),
        (["--org", "x", "link", "list"], "there are: delinde"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_input_ends_in_exit_2_and_what_to_do(stage: Stage, arguments: list[str], said: str) -> None:
    done = run(stage, *arguments)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("organisations: [\n", "line 2: not readable as YAML"),
        (
            "organisations:\n- {code: x, name: y, sauces: []}\n",
            "organisations.0.sauces: no such key; known here: code, name, sources",
        ),
        ("organisations:\n- {code: x}\n", "organisations.0.name: missing"),
        ("", "should be a mapping"),
        ("\udcff", "not a text file in UTF-8"),
        ("organisations: []\n", "names no organisation"),
        (None, "no configuration at"),
    ],
)
def test_a_wrong_configuration_ends_in_exit_3_and_names_the_place(
    stage: Stage, tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "zorgsluis.yaml"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))

    done = run(stage, "--config", str(path), "link", "list")

    assert (done.returncode, said in done.stderr) == (3, True), done.stderr


def test_with_two_organisations_one_is_to_be_named(stage: Stage, tmp_path: Path) -> None:
    config = yaml.safe_load(stage.files.config.read_text())
    config["organisations"].append({"code": "tweede", "name": "Tweede"})
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(config))

    unnamed = run(stage, "--config", str(path), "link", "list")
    assert (unnamed.returncode, "delinde, tweede" in unnamed.stderr) == (2, True)
    assert run(stage, "--config", str(path), "--org", "tweede", "link", "list").stdout.count("\n") == 1


def test_keys_that_others_may_read_or_that_are_not_the_databases_are_refused(stage: Stage) -> None:
    path = stage.files.folder / "keys" / "delinde.json"
    kept = path.read_bytes()
    try:
        path.chmod(0o644)
        assert _refused(stage, "mode to 0600")
        path.chmod(0o600)
        other = json.loads(kept)
        path.write_text(json.dumps({**other, "namespace": NOBODY}))
        assert _refused(stage, "restore the key file")
        path.write_text("x")
        assert _refused(stage, "restore it from its backup")
    finally:
        path.write_bytes(kept)


def _refused(stage: Stage, said: str) -> bool:
    done = run(stage, "link", "list")
    return done.returncode == 3 and said in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://user:geheim@127.0.0.1:1/zorg", "127.0.0.1:1/zorg) does not answer: connection refused"),
        ("nonsense:geheim", "is not an address"),
    ],
)
def test_a_database_that_is_not_there_ends_in_exit_3_without_its_password(stage: Stage, url: str, said: str) -> None:
    done = run(stage, "verify", env={"DATABASE_URL": url})

    assert (done.returncode, said in done.stderr) == (3, True), done.stderr
    assert "geheim" not in done.stderr


# Serve


def test_serve_logs_json_lines_shares_the_work_and_ends_whole_on_sigterm(stage: Stage, tmp_path: Path) -> None:
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    started = [_serve(stage, log) for log in logs]
    try:
        await_condition(lambda: all(_events(log, "serve.listening") for log in logs))
        for process in started:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process in started] == [0, 0]
    finally:
        for process in started:
            process.kill()
            process.wait()
    written = "".join(log.read_text() for log in logs)
    for line in written.splitlines():
        assert {"event", "level", "timestamp"} <= json.loads(line).keys()
    assert all(_events(log, "serve.stopped") for log in logs)
    assert [word for word in names_and_texts(stage) if re.search(rf"\b{re.escape(word)}\b", written)] == []
    history = lines(stage, "schedule", "history")
    assert len({(one["schedule"], one["slot"]) for one in history}) == len(history)


def test_serve_on_a_port_that_is_taken_is_refused(stage: Stage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(stage, "serve", "--port", str(taken.getsockname()[1]))

    assert (done.returncode, "choose another with --port" in done.stderr) == (3, True)


def _serve(stage: Stage, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(stage.command("serve", "--port", "0"), env=environment(), stdout=output, stderr=output)


def _events(log: Path, name: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return [event for event in found if event["event"] == name]
