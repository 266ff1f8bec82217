"""MLLP over real sockets: what is answered is in the journal, whatever the network and the sender do."""

from __future__ import annotations

from tests.integration.inbound_world import adt, codes, framed, inbound, mllp


def test_an_acknowledged_message_is_in_the_journal_as_it_came(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        ack = client.ask(adt("7"))
        [row] = world.journal()

        assert codes(ack) == ["AA"]
        assert b"MSA|AA|7" in ack
        assert (row.stream, row.kind, row.record_key, row.state) == ("hl7v2", "adt", "VESTA|DELINDE|7", "waiting")
        assert row.source_time.isoformat() == "2026-11-20T09:15:00+00:00"
        assert world.bodies() == [adt("7")]
        assert world.tally() == (1, 0, 1)
        assert world.hinted() == ("map_batch", world.org, world.source)


def test_messages_sent_ahead_are_answered_in_their_order(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        client.send(b"".join(framed(adt(str(n))) for n in range(500)))
        acks = [client.ack() for _ in range(500)]

        assert [ack.split(b"MSA|AA|")[1].rstrip() for ack in acks] == [str(n).encode() for n in range(500)]
        assert world.tally() == (500, 0, 500)


def test_the_same_bytes_again_get_the_same_answer_and_have_no_second_effect(database_url: str) -> None:
    with inbound(database_url) as world:
        with world.client() as client:
            first = client.ask(adt("7"))
        with world.client() as client:
            client.send(framed(adt("7")) * 3)
            again = [client.ack() for _ in range(3)]

        assert again == [first] * 3
        assert len(world.journal()) == 1
        assert world.tally() == (4, 3, 1)


def test_other_bytes_under_a_used_number_are_refused_and_kept(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        client.ask(adt("7"))
        refused = client.ask(adt("7", body="NTE|1||other"))

        assert codes(refused) == ["AE"]
        assert [(row.state, row.reason) for row in world.journal()] == [("waiting", None), ("quarantined", "control-id-reused")]
        assert client.ask(adt("7", body="NTE|1||other")) == refused
        assert codes(client.ask(adt("7"))) == ["AA"]
        assert world.tally() == (4, 2, 2)


def test_bytes_that_are_no_message_are_refused_and_kept(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        for garbage in (b"hello", adt(""), adt("8").replace(b"ADT^A01^ADT_A01", b"")):
            assert codes(client.ask(garbage)) == ["AR"]

        assert [row.state for row in world.journal()] == ["quarantined"] * 3
        assert world.bodies()[0] == b"hello"


def test_a_message_over_the_limit_is_refused_and_the_connection_closed(database_url: str) -> None:
    with inbound(database_url, mllp(max_bytes=2000)) as world, world.client() as client:
        client.send(framed(adt("1")) + b"\x0b" + adt("2", body="NTE|1||" + "x" * 3000))

        assert codes(client.ack()) == ["AA"]
        last = client.ack()
        assert codes(last) == ["AR"]
        assert b"|2\r" in last
        assert client.closed()
        assert len(world.journal()) == 1
