"""``bench disclosure``: decisions a second, a whole organisation at once, one client through SQL, and an explanation; all in CPU time.

Baselines of the same run: the plain decision for each pair, and a look-up of answers that are known already, which nothing can beat.
"""

from __future__ import annotations

import gc
import platform
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from api.bench.mapping import one_core
from api.bench.meter import Meter, peak_memory_mb
from api.bench.people import MEMBERS, NOW, Client, clients
from api.bench.rights_rows import Rows, rows
from gateway.disclosure.batch import compiled, decide_client
from gateway.disclosure.decide import Facts, Verdict, decide
from gateway.insight.explain import explain
from gateway.insight.matrix import matrix
from gateway.insight.simulate import simulate
from gateway.ledger import disclose_client

# The aims: decisions a second a core; seconds for all pairs; milliseconds a client and an explanation.
SINGLE_PER_S: Final = 1_000_000
PAIRS_S: Final = 10.0
CLIENT_MS: Final = 5.0
EXPLAIN_MS: Final = 5.0
# Of how many clients the slow baselines are taken.
SAMPLED: Final = 500
DATABASE_CLIENTS: Final = 300
ITEMS: Final = 100

CHANGE_ONE: Final = """
update resource_projection set hash = sha256(hash) where rkey = (
  select min(rkey) from resource where client_id = %s and class_key = 'report')"""
DUE: Final = "insert into disclose_due (org, client_id, cause) values (%s, %s, 'store')"
LEDGER: Final = (
    "select count(*) as n, count(*) filter (where decided_at > %s) as written from disclosure_ledger where client_id = %s"
)
MEMBER: Final = "select member::text as member from link where client_id = %s order by id"
REPORT: Final = """
select rtype || '/' || rid as ref from resource where client_id = %s and class_key = 'report' order by rkey limit 1"""


def disclosure(count: int, seed: int, state: Path, *, repeats: int = 300) -> dict[str, Any]:
    """Run the benchmark over that many clients in memory, and return its figures; ``state`` is for the database of the SQL parts."""
    with one_core():
        memory = _in_memory(count, seed)
    with rows(state / f"run-{uuid.uuid4().hex[:8]}", DATABASE_CLIENTS, ITEMS) as found:
        database = {"client": _client(found, repeats), **_questions(found, repeats)}
    figures = {**memory, **database}
    return {
        "bench": "disclosure",
        "clients": count,
        "seed": seed,
        "unit": "CPU time: this process, and the database's where SQL is part of it",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "peak_memory_mb": peak_memory_mb(),
        **figures,
        "bars": list(_bars(figures)),
    }


# In memory -----------------------------------------------------------------------------------------------------------------------


def _in_memory(count: int, seed: int) -> dict[str, Any]:
    everybody = clients(count, ITEMS, seed)
    gc.collect()
    gc.freeze()
    sample = everybody[:SAMPLED]
    known = {
        (facts.rkey, one.person): decide(facts, one, client.policy, NOW)
        for client in sample
        for one in client.subscribers
        for facts in client.items
    }
    try:
        return {
            "single": _singles(sample),
            "pairs": _pairs(everybody),
            "baselines": {
                "naive": {"what": "decide() for each pair", **_rate(sample, _naive)},
                "lookup": {
                    "what": "a look-up of each pair's known verdict in a dict",
                    **_rate(sample, lambda one: _looked_up(one, known)),
                },
            },
        }
    finally:
        gc.unfreeze()


def _rate(sample: list[Client], judge: Callable[[list[Client]], int]) -> dict[str, Any]:
    """Return decisions a second over a sample, once warmed up."""
    judge(sample[:50])
    began = time.process_time()
    permitted = judge(sample)
    return _decisions(sample, permitted, time.process_time() - began)


def _decisions(sample: list[Client], permitted: int, spent: float) -> dict[str, Any]:
    decisions = len(sample) * ITEMS * MEMBERS
    return {"decisions": decisions, "permitted": permitted, "per_s": round(decisions / spent)}


def _singles(sample: list[Client]) -> dict[str, Any]:
    """Decide pair by pair with each member's policy compiled: at first, compiling included, and then once the policy is in use."""
    began = time.process_time()
    judges = [(compiled(client.policy, subscriber, NOW), client) for client in sample for subscriber in client.subscribers]
    first = _one_by_one(judges)
    compiled_and_decided = time.process_time()
    again = _one_by_one(judges)
    ended = time.process_time()
    return {
        **_decisions(sample, again, ended - compiled_and_decided),
        "at_first_with_compiling": _decisions(sample, first, compiled_and_decided - began),
    }


def _one_by_one(judges: list[tuple[Callable[[Facts], Verdict], Client]]) -> int:
    permitted = 0
    for judge, client in judges:
        for facts in client.items:
            if judge(facts).code == "grant":
                permitted += 1
    return permitted


def _naive(sample: list[Client]) -> int:
    permitted = 0
    for client in sample:
        for subscriber in client.subscribers:
            for facts in client.items:
                if decide(facts, subscriber, client.policy, NOW).code == "grant":
                    permitted += 1
    return permitted


def _looked_up(sample: list[Client], known: dict[tuple[int, int], Any]) -> int:
    permitted = 0
    for client in sample:
        for subscriber in client.subscribers:
            person = subscriber.person
            for facts in client.items:
                if known[facts.rkey, person].code == "grant":
                    permitted += 1
    return permitted


def _pairs(everybody: list[Client]) -> dict[str, Any]:
    """Decide every pair of everybody, and look at each verdict; then again, without looking at each."""
    began = time.process_time()
    permitted = sum(
        verdict.code == "grant"
        for client in everybody
        for decided in [decide_client(client.items, client.subscribers, client.policy, NOW)]
        for member in range(MEMBERS)
        for verdict in decided.of_member(member)
    )
    looked_at = time.process_time()
    for client in everybody:
        decide_client(client.items, client.subscribers, client.policy, NOW)
    ended = time.process_time()
    pairs = len(everybody) * ITEMS * MEMBERS
    return {
        "clients": len(everybody),
        "grants": sum(len(client.policy.grants) for client in everybody),
        "resources": len(everybody) * ITEMS,
        "pairs": pairs,
        "permitted": permitted,
        "cpu_s": round(looked_at - began, 2),
        "without_looking_at_each_cpu_s": round(ended - looked_at, 2),
    }


# Through SQL ---------------------------------------------------------------------------------------------------------------------


def _client(found: Rows, repeats: int) -> dict[str, Any]:
    """Evaluate one client again and again, each time with one resource changed or with nothing changed; count the ledger rows written.

    The least wall time is told beside: on a busy machine CPU time grows too, as processes push each other out of its caches.
    """
    chosen = found.clients[len(found.clients) // 2]
    changed, written, waited = [], [], []
    meter = Meter(server=found.server)
    for _ in range(20):
        _change_one(found, chosen)
        disclose_client(found.gateway, found.org, chosen)
        found.delivered(chosen)
    for number in range(repeats):
        _change_one(found, chosen)
        before, began = found.clock.at, time.perf_counter()
        with meter.stage(str(number)):
            disclose_client(found.gateway, found.org, chosen)
        waited.append(time.perf_counter() - began)
        ledger = _one(found, LEDGER, before, chosen)
        written.append(ledger.written)
        changed.append(meter.stages.pop(str(number)))
        found.delivered(chosen)
    with meter.stage("unchanged"):
        for _ in range(repeats):
            disclose_client(found.gateway, found.org, chosen)
    unchanged = _one(found, LEDGER, before, chosen).written - written[-1]
    return {
        "resources": ITEMS,
        "members": MEMBERS,
        "ledger_rows": ledger.n,
        "one_resource_changed_ms": _mean_ms(changed),
        "one_resource_changed_least_wall_ms": round(min(waited) * 1000, 2),
        "nothing_changed_ms": _mean_ms([meter.stages["unchanged"]], repeats),
        "ledger_rows_written": sorted(set(written)),
        "ledger_rows_written_when_nothing_changed": unchanged,
    }


def _change_one(found: Rows, client: int) -> None:
    with found.database.transaction(found.org) as db:
        db.execute(CHANGE_ONE, (client,))
        db.execute(DUE, (found.org, client))


def _questions(found: Rows, repeats: int) -> dict[str, Any]:
    """Ask for explanations, a simulation and a matrix, each of another client."""
    asked = [(client, _one(found, MEMBER, client).member, _one(found, REPORT, client).ref) for client in found.clients]
    past = found.clock.at
    gateway, org = found.gateway, found.org
    return {
        "explain": {
            "resource_ms": _asked(found, repeats, asked, lambda _, member, ref: explain(gateway, org, member, ref)),
            "class_ms": _asked(found, repeats, asked, lambda _, member, __: explain(gateway, org, member, class_="report")),
            "as_of_ms": _asked(found, repeats, asked, lambda _, member, ref: explain(gateway, org, member, ref, at=past)),
        },
        "matrix_ms": _asked(found, repeats // 3, asked, lambda client, _, __: matrix(gateway, org, client)),
        "simulate_ms": _asked(
            found,
            repeats // 3,
            asked,
            lambda client, _, __: simulate(
                gateway, org, client=client, person=f"p{found.clients.index(client) * 3 + 1}", level="basic"
            ),
        ),
    }


def _asked(found: Rows, repeats: int, asked: list[tuple[int, str, str]], ask: Callable[[int, str, str], object]) -> float:
    for one in asked[:20]:
        ask(*one)
    meter = Meter(server=found.server)
    with meter.stage("asked"):
        for number in range(repeats):
            ask(*asked[number % len(asked)])
    return _mean_ms([meter.stages["asked"]], repeats)


def _mean_ms(stages: list[dict[str, float]], count: int | None = None) -> float:
    """Return the CPU milliseconds of one, this process and the database together."""
    spent = sum(stage["gateway_cpu_s"] + stage["database_cpu_s"] for stage in stages)
    return round(spent / (count or len(stages)) * 1000, 2)


def _one(found: Rows, query: str, *values: object) -> Any:
    with found.database.transaction(found.org) as db:
        return db.execute(query, values).fetchone()


def _bars(figures: dict[str, Any]) -> Iterator[dict[str, Any]]:
    client, pairs = figures["client"], figures["pairs"]
    single = figures["single"]["per_s"]
    yield _bar(f"single decisions a second a core: at least {SINGLE_PER_S}", single, met=single >= SINGLE_PER_S)
    yield _bar(f"{pairs['pairs']} pairs: less than {PAIRS_S:g} s", pairs["cpu_s"], met=pairs["cpu_s"] < PAIRS_S)
    for name in ("one_resource_changed_ms", "nothing_changed_ms"):
        yield _bar(f"one client, {name}: less than {CLIENT_MS:g}", client[name], met=client[name] < CLIENT_MS)
    only = client["ledger_rows_written_when_nothing_changed"] == 0 and max(client["ledger_rows_written"]) < MEMBERS
    yield _bar("only changed ledger rows are written", client["ledger_rows_written"], met=only)
    for name, spent in figures["explain"].items():
        yield _bar(f"explain, {name}: less than {EXPLAIN_MS:g}", spent, met=spent < EXPLAIN_MS)


def _bar(text: str, measured: object, *, met: bool) -> dict[str, Any]:
    return {"bar": text, "measured": measured, "met": met}
