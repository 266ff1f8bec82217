# ruff: noqa: S101  (a kit of tests: asserts are its words)
"""What every ECD connector that is pulled promises, as tests: a new ECD adds one subclass and a far side that can misbehave.

    class TestNewEcd(EcdContract):
        @pytest.fixture
        def bench(self, …) -> EcdBench: …

The far side must be a real one, or a small working stand-in over sockets: what is promised here is about answers that break off.
"""

from __future__ import annotations

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import jsonschema
import pytest

from gateway.connector import CONTRACT_VERSION, Cursor, DeleteMode, Op, PullConnector, Record, Rejection, Slice
from gateway.errors import AuthError, Conflict, GatewayError, Misconfigured, PermanentError, Retryable, Throttled, TransientError
from gateway.jsonbytes import loads
from gateway.testing.ecd_bench import FAULTS, LONG, EcdBench, Fault, first_read, read, records_of, spec
from gateway.testing.fakes import answering

STATUSES: dict[int, type[GatewayError]] = {
    400: PermanentError,
    401: AuthError,
    403: AuthError,
    404: PermanentError,
    408: TransientError,
    423: Throttled,
    429: Throttled,
    500: TransientError,
    502: TransientError,
    503: TransientError,
    504: TransientError,
}
# Instants at which a source's wall clock jumps, and moments around them at which something changes there.
NIGHTS = {
    "march": [datetime(2027, 3, 28, 0, 45, tzinfo=UTC), datetime(2027, 3, 28, 1, 15, tzinfo=UTC)],
    "october": [
        datetime(2027, 10, 31, 0, 20, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 50, tzinfo=UTC),
        datetime(2027, 10, 31, 1, 20, tzinfo=UTC),
    ],
}
LONG_MAY_TAKE_BYTES = 50_000_000


# The tests that let something happen at the source: they need a far side of their own, the others may share one.
CHANGING = frozenset(
    {
        "test_c06_after_a_bookmark_only_what_changed_comes_again",
        "test_c08_what_changes_during_a_reading_comes_in_it_or_in_the_next",
        "test_c10_nothing_is_lost_in_a_night_that_the_clock_jumps",
        "test_c11_a_deletion_is_seen_the_way_the_stream_says",
        "test_c13_requests_at_once_stay_within_the_limit",
    }
)


class EcdContract:
    """The promises of a ``PullConnector``. ``bench`` is the fixture that a subclass gives."""

    def test_c01_its_settings_are_described_and_others_are_refused(self, bench: EcdBench) -> None:
        schema = dict(bench.connector.config_schema)
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(dict(bench.context.settings), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**bench.context.settings, "unheard_of": 1}, schema)
        assert bench.connector.contract_version == CONTRACT_VERSION
        assert isinstance(bench.connector, PullConnector)

    def test_c01_settings_that_name_secrets_are_marked(self, bench: EcdBench) -> None:
        secrets = bench.connector.config_schema["properties"]["secrets"]["properties"]
        assert {described.get("format") for described in secrets.values()} == {"password"}

    def test_c02_a_source_that_answers_is_well(self, bench: EcdBench) -> None:
        assert bench.connector.check(bench.context).ok

    def test_c02_credentials_that_the_source_does_not_know_stop_the_channel(self, bench: EcdBench) -> None:
        with pytest.raises(AuthError):
            bench.connector.check(bench.stranger)

    def test_c02_a_source_that_is_not_there_is_tried_again(self, bench: EcdBench) -> None:
        with pytest.raises(TransientError):
            bench.connector.check(bench.nowhere)

    def test_c03_streams_are_named_once_and_described(self, bench: EcdBench) -> None:
        streams = bench.connector.streams(bench.context)
        names = [stream.name for stream in streams]
        assert len(names) == len(set(names)) > 0
        for stream in streams:
            schema = dict(stream.json_schema)
            jsonschema.Draft202012Validator.check_schema(schema)
            assert set(stream.primary_key) <= set(schema["required"]) <= set(schema["properties"])
            assert stream.partition_by is None or stream.partition_by in names
            assert stream.cursor_field is None or stream.overlap_seconds >= 7200

    def test_c04_records_are_as_described_and_their_times_have_a_zone(self, bench: EcdBench) -> None:
        for (name, key), record in read(bench).records.items():
            assert record.op is Op.UPSERT
            jsonschema.validate(loads(record.data or b""), dict(spec(bench, name).json_schema))
            assert record.source_time is None or record.source_time.tzinfo is not None
            assert key

    def test_c04_every_record_that_there_is_is_read(self, bench: EcdBench) -> None:
        found = read(bench).records.keys()
        for stream in bench.connector.streams(bench.context):
            assert {key for name, key in found if name == stream.name} == bench.far_side.keys(stream.name)

    def test_c05_two_readings_give_the_same(self, bench: EcdBench) -> None:
        assert read(bench).versions() == read(bench).versions()

    def test_c06_after_a_bookmark_only_what_changed_comes_again(self, bench: EcdBench) -> None:
        before = read(bench)
        changed = {bench.far_side.change(), bench.far_side.add()}

        after = read(bench, before.cursors)

        known = before.versions()
        assert {key for key, data in after.versions().items() if known.get(key) != data} == changed
        feeds = {stream.name for stream in bench.connector.streams(bench.context) if stream.cursor_field is not None}
        assert sum(name in feeds for name, _ in after.records) < sum(name in feeds for name, _ in known)

    def test_c07_a_reading_cut_off_anywhere_and_begun_again_loses_nothing(self, bench: EcdBench) -> None:
        whole = {record.key for record in first_read(bench, bench.context, bench.feed)}
        stream = spec(bench, bench.feed)
        part = next(iter(bench.connector.slices(bench.context, stream, Cursor())))
        for stop_after in (0, 1, len(whole) // 2, len(whole) - 1):
            with closing(records_of(bench, bench.context, stream, part)) as reading:  # type: ignore[type-var]
                taken = {record.key for record, _ in zip(reading, range(stop_after), strict=False)}
            again = {record.key for record in records_of(bench, bench.context, stream, part)}
            assert taken <= whole == again

    def test_c08_what_changes_during_a_reading_comes_in_it_or_in_the_next(self, bench: EcdBench) -> None:
        first = read(bench)
        stream, began = spec(bench, bench.feed), bench.far_side.now()
        part = next(iter(bench.connector.slices(bench.context, stream, Cursor())))
        reading = records_of(bench, bench.context, stream, part)
        seen = [next(reading)]
        changed = bench.far_side.change()
        seen += list(reading)
        times = [record.source_time for record in seen if isinstance(record, Record) and record.source_time is not None]

        later = read(bench, {bench.feed: Cursor(value=min(max(times), began).isoformat())})

        assert later.records[changed].data != first.records[changed].data

    def test_c09_records_of_the_instant_of_the_bookmark_are_not_skipped(self, bench: EcdBench) -> None:
        before = read(bench)
        for name, cursor in before.cursors.items():
            at_bookmark = {
                key
                for key, record in before.records.items()
                if key[0] == name
                and record.source_time
                and cursor.value
                and record.source_time >= datetime.fromisoformat(cursor.value)
            }
            assert at_bookmark <= read(bench, before.cursors).records.keys()

    @pytest.mark.parametrize("night", NIGHTS)
    def test_c10_nothing_is_lost_in_a_night_that_the_clock_jumps(self, bench: EcdBench, night: str) -> None:
        bench.far_side.set_clock(NIGHTS[night][0] - timedelta(hours=6))
        reading = read(bench)
        for moment in NIGHTS[night]:
            bench.far_side.set_clock(moment)
            changed = {bench.far_side.change(), bench.far_side.add()}
            reading = read(bench, reading.cursors)
            assert changed <= reading.records.keys()

    def test_c11_a_deletion_is_seen_the_way_the_stream_says(self, bench: EcdBench) -> None:
        before = read(bench)
        for stream in bench.connector.streams(bench.context):
            gone = bench.far_side.delete(stream.name)
            if gone is None:
                continue
            assert (stream.name, gone) in before.records
            after = read(bench, before.cursors)
            if stream.deletes is DeleteMode.TOMBSTONE:
                assert after.records[stream.name, gone].op is Op.DELETE
            elif stream.deletes is DeleteMode.RECONCILE and stream.partition_by is None:
                assert gone not in set(bench.connector.keys(bench.context, stream, Slice(stream=stream.name)))
            elif stream.deletes is DeleteMode.RECONCILE:
                assert (stream.name, gone) not in after.records

    def test_c11_a_list_of_keys_that_breaks_off_is_no_list(self, bench: EcdBench) -> None:
        for stream in bench.connector.streams(bench.context):
            if stream.deletes is not DeleteMode.RECONCILE or stream.partition_by is not None:
                continue
            for fault in ("truncated", "reset"):
                bench.far_side.fail(fault, stream.name)
                with pytest.raises(Retryable):
                    list(bench.connector.keys(bench.context, stream, Slice(stream=stream.name)))
                bench.far_side.behave()

    @pytest.mark.parametrize("fault", FAULTS)
    def test_c12_every_failure_has_its_class(self, bench: EcdBench, fault: Fault) -> None:
        bench.far_side.fail(fault, bench.feed)
        with pytest.raises(FAULTS[fault]):
            first_read(bench, bench.context, bench.feed)

    @pytest.mark.parametrize("status", STATUSES)
    def test_c12_every_status_has_its_class(self, bench: EcdBench, status: int) -> None:
        with answering(lambda _: httpx2.Response(status, text="mevrouw KANARIE")) as client:
            with pytest.raises(STATUSES[status]) as raised:
                first_read(bench, replace(bench.context, client=client), bench.feed)
            assert raised.value.status == status
            assert "KANARIE" not in str(raised.value)

    def test_c12_what_the_source_asks_for_is_passed_on(self, bench: EcdBench) -> None:
        for asked, seconds in {"17": 17.0, "Sat, 21 Nov 2026 06:00:30 GMT": 30.0, "soon": None}.items():
            with answering(lambda _, told=asked: httpx2.Response(429, headers={"Retry-After": told})) as client:  # type: ignore[misc]
                with pytest.raises(Throttled) as raised:
                    first_read(bench, replace(bench.context, client=client), bench.feed)
                assert raised.value.retry_after == seconds

    def test_c12_a_source_that_says_nothing_is_tried_again(self, bench: EcdBench) -> None:
        def silence(_: httpx2.Request) -> httpx2.Response:
            raise httpx2.ReadTimeout("")

        with answering(silence) as client, pytest.raises(TransientError):
            first_read(bench, replace(bench.context, client=client), bench.feed)

    def test_c12_another_address_is_not_followed(self, bench: EcdBench) -> None:
        elsewhere = httpx2.Response(302, headers={"Location": "http://elsewhere.example/"})
        with answering(lambda _: elsewhere) as client, pytest.raises(Misconfigured):
            first_read(bench, replace(bench.context, client=client), bench.feed)

    def test_c13_requests_at_once_stay_within_the_limit(self, bench: EcdBench) -> None:
        width = bench.connector.limits.max_concurrency
        context = replace(bench.context, limits=bench.connector.limits, turns=threading.BoundedSemaphore(width))
        bench.far_side.hold()
        with ThreadPoolExecutor(2 * width) as pool:
            reading = [pool.submit(first_read, bench, context, bench.feed) for _ in range(2 * width)]
            pause = threading.Event()
            for _ in range(400):
                if bench.far_side.gathered() >= width:
                    break
                pause.wait(0.02)
            bench.far_side.behave()
            sizes = {len(one.result()) for one in reading}
        assert len(sizes) == 1
        assert bench.far_side.most_at_once() == width

    def test_c14_one_malformed_record_does_not_stop_the_others(self, bench: EcdBench) -> None:
        found = first_read(bench, bench.broken, bench.feed)
        assert {one.key for one in found if isinstance(one, Record)} == bench.broken_keys
        assert [one for one in found if isinstance(one, Rejection)]

    def test_c15_no_word_of_a_record_is_in_an_error_or_a_log(self, bench: EcdBench) -> None:
        said: list[str] = bench.context.told
        for fault in FAULTS:
            bench.far_side.fail(fault, bench.feed)
            with pytest.raises(GatewayError) as raised:
                first_read(bench, bench.context, bench.feed)
            said.append(f"{raised.value!r} {raised.value.__cause__!r}")
            bench.far_side.behave()
        words = [word for word in bench.far_side.words() if len(word) > 3]
        assert words
        assert not [word for word in words if any(word in text for text in said)]

    def test_c16_what_the_source_marks_carries_its_labels(self, bench: EcdBench) -> None:
        records = read(bench).records
        assert bench.far_side.marks()
        for key, labels in bench.far_side.marks().items():
            assert records[key].labels == labels
        assert {key for key, record in records.items() if record.labels} == set(bench.far_side.marks())

    def test_c16_what_came_from_a_portal_says_so(self, bench: EcdBench) -> None:
        records = read(bench).records
        assert bench.far_side.origins()
        assert {key: record.origin for key, record in records.items() if record.origin is not None} == bench.far_side.origins()

    def test_c17_a_long_stream_takes_the_memory_of_a_short_one(self, bench: EcdBench) -> None:
        stream = spec(bench, bench.feed)
        part = next(iter(bench.connector.slices(bench.long, stream, Cursor())))
        tracemalloc.start()
        try:
            count = sum(1 for _ in records_of(bench, bench.long, stream, part))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert count == LONG
        assert peak < LONG_MAY_TAKE_BYTES

    def test_c18_reading_stops_when_it_is_told_to(self, bench: EcdBench) -> None:
        stream = spec(bench, bench.feed)
        part = next(iter(bench.connector.slices(bench.long, stream, Cursor())))
        reading = records_of(bench, bench.long, stream, part)
        next(reading)
        bench.long.stop.set()
        with pytest.raises(Conflict):
            next(reading)
