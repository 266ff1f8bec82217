"""Group commits: whatever comes together, each number has its journal row, and both say the same.

Nothing in the schema binds the two tables: they are written by one statement, and this is what it promises.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.intake.arrival import Answer
from gateway.intake.reception import Reception
from gateway.intake.senders import desk
from gateway.intake.writer import Writer
from tests.integration.inbound_world import Inbound, adt, inbound

# A few numbers and a few texts: what comes is new, comes again, or is another text under a used number; or is no message at all.
MESSAGE = st.one_of(
    st.tuples(st.sampled_from(["1", "2", "3", "x" * 300]), st.sampled_from(["", "NTE|1||a", "NTE|1||b"])).map(
        lambda parts: adt(parts[0], body=parts[1])
    ),
    st.sampled_from([b"no message", adt("1").replace(b"ADT^A01^ADT_A01", b"XYZ^A01")]),
)
GROUPS = st.lists(st.lists(MESSAGE, min_size=1, max_size=8), min_size=1, max_size=4)

UNLIKE = """
select from inbound_message one full join journal on journal.id = one.journal_id
where (one.org, one.source_id, one.body_hash, one.received_at)
  is distinct from (journal.org, journal.source_id, journal.body_hash, journal.received_at)"""


async def answered(world: Inbound, groups: list[list[bytes]]) -> list[list[Answer | None]]:
    reception = Reception(desk=desk(world.gateway, world.org, ["vesta"]), keys=world.ring, clock=world.gateway.clock)
    writer = Writer(world.gateway, world.org, world.dsn)
    writing = asyncio.create_task(writer.run())
    try:
        return [await asyncio.gather(*(writer.answer(reception.arrival(data)) for data in group)) for group in groups]
    finally:
        writing.cancel()
        await asyncio.wait([writing])


def test_each_number_has_its_journal_row_whatever_comes_together(database_url: str) -> None:
    with inbound(database_url) as world:
        received: Counter[bytes] = Counter()

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(groups=GROUPS)
        def holds(groups: list[list[bytes]]) -> None:
            answers = asyncio.run(answered(world, groups))
            received.update(data for group in groups for data in group)

            assert all(answer is not None for group in answers for answer in group)
            assert world.rows(UNLIKE) == []
            assert sorted(world.bodies()) == sorted(received)
            assert world.tally() == (received.total(), received.total() - len(received), len(received))

        holds()
