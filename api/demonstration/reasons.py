"""Why the gateway shows something or not, held against why the organisation says it should be so: per (record, member)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.database import Connection
from gateway.runtime import Gateway
from samples.comparison import Difference

# Two queries and no join: right after a first load the database takes its tables for empty, and would read all of one for each row of the other.
CODES: Final = """
select distinct link.member::text as member, verdict.rkey, verdict.code
from disclosure_verdict verdict join link on link.id = verdict.link_id where not verdict.directory"""
ORIGINS: Final = "select rkey, stream, record_key from origin"
ASIDE: Final = """
select distinct on (stream, record_key) stream, record_key, state, reason
from journal order by stream, record_key, id desc"""
# The organisation's words for records that never become a resource.
NOT_SENT: Final = "not-sent:"

Key = tuple[str, str, str]


def unlike(truth: Iterable[Mapping[str, Any]], members: Mapping[str, str], gateway: Gateway, org: int) -> Iterator[Difference]:
    """Yield every (record, member) whose reason at the gateway isn't the organisation's."""
    with gateway.database.snapshot(org) as db:
        codes = _codes(db)
        aside = {(row.stream, row.record_key): (row.state, row.reason) for row in db.execute(ASIDE)}
    for line in truth:
        if not line["member_key"]:
            continue
        stream, key, member = line["stream"], str(line["key"]), members[line["member_key"]]
        found = (
            _not_sent(aside.get((stream, key)))
            if line["reason"].startswith(NOT_SENT)
            else codes.get((stream, key, member), set())
        )
        if line["reason"] not in found:
            detail = f"the organisation says {line['reason']}, the gateway {', '.join(sorted(found)) or 'nothing'}"
            yield Difference(lie="other-reason", key=f"{stream}#{key} for {member}", detail=detail)


def _codes(db: Connection) -> dict[Key, set[str]]:
    """Return the gateway's reasons by stream, record key and member."""
    records: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in db.execute(ORIGINS):
        records[row.rkey].append((row.stream, row.record_key))
    codes: dict[Key, set[str]] = defaultdict(set)
    for row in db.execute(CODES):
        for stream, key in records[row.rkey]:
            codes[stream, key, row.member].add(row.code)
    return codes


def _not_sent(fate: tuple[str, str | None] | None) -> set[str]:
    if fate is None:
        return set()
    state, reason = fate
    return {f"{NOT_SENT}unmappable"} if state == "quarantined" else {f"{NOT_SENT}{reason}"}
