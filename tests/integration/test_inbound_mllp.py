"""MLLP over real sockets: what is answered is in the journal, whatever the network and the sender do."""

from __future__ import annotations

import socket
import threading

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


def test_of_a_message_over_the_limit_the_beginning_is_kept_it_is_refused_and_the_connection_closed(database_url: str) -> None:
    large = b"\x0b" + adt("2", body="NTE|1||" + "x" * 3000)
    with inbound(database_url, mllp(max_bytes=2000)) as world:
        with world.client() as client:
            client.send(framed(adt("1")) + large)

            assert codes(client.ack()) == ["AA"]
            last = client.ack()
            assert codes(last) == ["AR"]
            assert b"|2\r" in last
            assert client.closed()
        with world.client() as client:
            client.send(large)
            assert client.ack() == last

        assert [(row.state, row.reason) for row in world.journal()] == [("waiting", None), ("quarantined", "oversize")]
        assert large.startswith(b"\x0b" + world.bodies()[1][:1900])
        assert world.tally() == (3, 1, 2)


def test_a_frame_without_its_last_byte_is_answered_when_nothing_follows(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        for n in range(3):
            client.send(framed(adt(str(n))).removesuffix(b"\r"))
            assert codes(client.ack()) == ["AA"]


def test_a_frame_over_many_reads_and_many_frames_in_one_are_all_answered(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        stream = framed(adt("1")) + b"noise\r\n" + adt("2") + b"\x1c\r" + framed(adt("3")).removesuffix(b"\r") + framed(adt("4"))
        for start in range(0, len(stream), 97):
            client.send(stream[start : start + 97])

        assert [codes(client.ack()) for _ in range(4)] == [["AA"]] * 4
        assert world.bodies() == [adt(str(n)) for n in (1, 2, 3, 4)]


def test_a_batch_in_a_frame_is_answered_message_by_message(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        client.send(framed(b"BHS|^~\\&|VESTA\r" + adt("1") + adt("2") + b"BTS|2\r"))

        assert [codes(client.ack()) for _ in range(2)] == [["AA"]] * 2
        assert len(world.journal()) == 2


def test_a_message_cut_off_by_the_end_of_the_connection_is_neither_answered_nor_kept(database_url: str) -> None:
    with inbound(database_url) as world:
        with world.client() as client:
            client.send(framed(adt("1")) + framed(adt("2"))[:-20])
            client.sock.shutdown(socket.SHUT_WR)
            assert codes(client.ack()) == ["AA"]
            assert client.closed()

        assert [row.record_key for row in world.journal()] == ["VESTA|DELINDE|1"]


def test_what_was_sent_is_kept_also_when_its_sender_is_gone_before_the_answer(database_url: str) -> None:
    with inbound(database_url) as world:
        with world.client() as client:
            client.send(b"".join(framed(adt(str(n))) for n in range(20)))
            client.sock.shutdown(socket.SHUT_WR)
        with world.client() as client:
            acks = [codes(client.ask(adt(str(n)))) for n in range(20)]

        assert acks == [["AA"]] * 20
        assert len(world.journal()) == 20


def test_a_silent_connection_is_closed_sooner_within_a_message(database_url: str) -> None:
    with inbound(database_url, mllp(idle_s=0.05), mllp(code="cut", stall_s=0.05)) as world:
        with world.client() as idle:
            assert idle.closed()
        with world.client("cut") as cut:
            cut.send(framed(adt("1"))[:30])
            assert cut.closed()
        assert world.journal() == []


def test_connections_over_the_limit_are_closed_and_the_others_served(database_url: str) -> None:
    with inbound(database_url, mllp(max_connections=2)) as world, world.client() as one, world.client() as two:
        assert codes(one.ask(adt("1"))) == codes(two.ask(adt("2"))) == ["AA"]
        with world.client() as three:
            assert three.closed()
        assert codes(one.ask(adt("3"))) == ["AA"]


def test_a_peer_that_is_not_on_the_list_is_closed_unheard(database_url: str) -> None:
    with inbound(database_url, mllp(peers=["10.0.0.0/8"]), mllp(code="ours", peers=["127.0.0.1"])) as world:
        with world.client() as client:
            assert client.closed()
        with world.client("ours") as client:
            assert codes(client.ask(adt("1"))) == ["AA"]


def test_a_sender_that_reads_nothing_is_read_no_further(database_url: str) -> None:
    """Its answers wait with us, up to a bound; when it reads, it gets every one, in order."""
    count = 4000
    with inbound(database_url) as world, world.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sending = threading.Thread(target=client.send, args=(b"".join(framed(adt(str(n))) for n in range(count)),))
        sending.start()
        acks = b"".join(client.ack() for _ in range(count))
        sending.join()

        assert codes(acks) == ["AA"] * count
        assert world.tally() == (count, 0, count)


def test_msh_3_and_4_choose_among_the_sources_of_the_listener_and_open_no_other(database_url: str) -> None:
    with inbound(database_url, senders=["VESTA|DELINDE", "LAB|DELINDE"]) as world, world.client() as client:
        for sender, code in [("VESTA|DELINDE", "AA"), ("LAB^2.16.1^ISO|DELINDE^1^L", "AA"), ("VESTA|OTHER", "AR"), ("|", "AR")]:
            assert codes(client.ask(adt("1", sender=sender))) == [code]

        assert [row.reason for row in world.journal()] == [None, None, "unknown-source", "unknown-source"]


def test_a_number_that_starts_anew_each_day_is_another_message_the_next_day(database_url: str) -> None:
    with inbound(database_url, daily_control_ids=True) as world, world.client() as client:
        for at in ("20261120101500", "20261121101500"):
            assert codes(client.ask(adt("1", at=at))) == ["AA"]

        assert [row.record_key for row in world.journal()] == ["VESTA|DELINDE|1|20261120", "VESTA|DELINDE|1|20261121"]


def test_a_refused_message_may_come_again_under_its_number_once_it_is_right(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        wrong = adt("1").replace(b"ADT^A01^ADT_A01", b"XYZ^A01")
        refused = client.ask(wrong)
        assert codes(refused) == ["AR"]
        assert client.ask(wrong) == refused
        assert codes(client.ask(adt("1"))) == ["AA"]
        assert world.tally() == (3, 1, 2)


def test_no_number_and_no_name_can_keep_a_message_out_of_the_journal(database_url: str) -> None:
    """Too long for an index, with characters that a column can't hold: known by its hash, refused or not."""
    with inbound(database_url) as world, world.client() as client:
        odd = [adt("9" * 5000), adt("7", sender="V" * 4000 + "|DELINDE"), adt("8").replace(b"|8|", b"|8\x00\xff\xfe|")]
        for message in odd:
            assert codes(client.ask(message)) in (["AA"], ["AR"])
            assert codes(client.ask(message)) in (["AA"], ["AR"])

        assert world.bodies() == odd
        assert world.tally() == (6, 3, 3)


def test_a_large_message_keeps_its_place_among_small_ones(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        large = adt("2", body="NTE|1||" + "x" * 2_000_000)
        client.send(framed(adt("1")) + framed(large) + framed(adt("3")))
        client.sock.shutdown(socket.SHUT_WR)

        assert [client.ack().split(b"MSA|")[1].split(b"\r")[0] for _ in range(3)] == [b"AA|1", b"AA|2", b"AA|3"]
        assert world.bodies() == [adt("1"), large, adt("3")]
