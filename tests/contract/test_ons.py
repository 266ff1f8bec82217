"""The Ons connector, against the real sample ECD, and against answers that the sample doesn't give."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.ecd.ons import CONNECTOR
from connectors.ecd.ons.lines import MAX_LINE_BYTES, lines
from connectors.ecd.ons.records import wall_time
from gateway.connector import Cursor, Record, Rejection, Slice
from gateway.errors import AuthError, GatewayError, Misconfigured, PermanentError, TransientError
from gateway.testing.ecd_bench import EcdBench, first_read, read, spec
from gateway.testing.ecd_contract import CHANGING, EcdContract
from gateway.testing.fakes import AT, FakeContext, over
from tests.contract.ons_far_side import Bench, Chunks, SampleFarSide, long_stream, report
from tests.integration.intake_world import CERTIFICATE, RunningEcd, running_ecd

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Bench]:
    certificate = tmp_path / "certificate"
    certificate.write_text(CERTIFICATE)
    bench = Bench(settings={"base_url": "http://ecd.example", "secrets": {"certificate": str(certificate)}})
    with bench.stack:
        yield bench


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEcd]:
    with running_ecd(tmp_path_factory.mktemp("ecd"), clients=5, days=40) as ecd:
        yield ecd


class TestOns(EcdContract):
    """The promises of every pulled ECD."""

    @pytest.fixture
    def ecd(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningEcd]:
        if request.function.__name__ not in CHANGING:
            yield request.getfixturevalue("shared")
            return
        with running_ecd(tmp_path, clients=4, days=20) as own:
            yield own

    @pytest.fixture
    def bench(self, ecd: RunningEcd, tmp_path: Path, own: Bench) -> Iterator[EcdBench]:
        stranger = tmp_path / "stranger"
        stranger.write_text("somebody-else")
        with (
            over(ecd.url, headers={"X-Client-Certificate": CERTIFICATE}) as there,
            over(ecd.url) as client,
            over("http://127.0.0.1:9") as nobody,
        ):
            context = FakeContext(settings=ecd.settings(), client=client)
            yield EcdBench(
                connector=CONNECTOR,
                context=context,
                stranger=replace(context, settings={"base_url": ecd.url, "secrets": {"certificate": str(stranger)}}),
                nowhere=replace(context, client=nobody),
                far_side=SampleFarSide(ecd=ecd, client=there),
                feed="reports",
                broken=own.saying(b"\n".join([report(1), b'{"id": 2, "comment": kapot}', report(3), b""])),
                broken_keys=frozenset({"1", "3"}),
                long=own.answering(lambda _: httpx2.Response(200, stream=Chunks(long_stream))),
            )
            ecd.behave()

    def test_agenda_is_asked_for_from_a_week_ago_up_to_four_weeks_ahead_by_the_sources_calendar(self, bench: EcdBench) -> None:
        # Half past midnight in Amsterdam, still the day before in UTC.
        context = bench.context.at(datetime(2026, 11, 20, 23, 30, tzinfo=UTC)).with_parents(clients=["1001"])
        [part] = CONNECTOR.slices(context, spec(bench, "agenda"), Cursor())
        assert (part.partition, part.lower, part.upper) == ("1001", "2026-11-14", "2026-12-19")

    def test_every_visit_carries_its_day_and_is_inside_the_window(self, bench: EcdBench) -> None:
        visits = [record for (stream, _), record in read(bench).records.items() if stream == "agenda"]
        days = {str(one["id"]): one["startsAt"][:10] for one in bench.far_side.records("agenda")}  # type: ignore[attr-defined]
        assert {record.key: record.date for record in visits} == days


def refused(context: FakeContext, stream: str = "reports") -> GatewayError:
    """Return what the first reading of a stream raises."""
    found = next(one for one in CONNECTOR.streams(context) if one.name == stream)
    with pytest.raises(GatewayError) as raised:
        list(CONNECTOR.read(context, found, Slice(stream=stream), None).records)
    return raised.value


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (
            400,
            PermanentError,
            {"errorResponseEntries": [{"field": "since", "value": "geheim", "message": "geheim"}]},
            "errorResponseEntries since",
        ),
        (403, AuthError, {"type": "about:blank", "title": "geheim", "status": 403, "detail": "geheim"}, "problem"),
        (404, PermanentError, {"code": 404, "error": "kamino.Error", "message": "geheim"}, "kamino.Error"),
        (406, Misconfigured, {"error": "geheim, met spaties", "message": "geheim"}, "406, error"),
        (412, Misconfigured, {"errorResponseEntries": "geheim"}, "errorResponseEntries"),
        (
            422,
            PermanentError,
            {"message": "geheim", "validationErrors": [{"aqlPath": "/geheim", "message": "geheim"}]},
            "validationErrors 1",
        ),
        (495, AuthError, ["geheim"], "(495)"),
        (500, TransientError, {"iets": "geheim"}, "the source failed (500)"),
    ],
)
def test_of_an_error_only_codes_are_told(own: Bench, status: int, kind: type[GatewayError], body: Any, told: str) -> None:
    error = refused(own.saying(json.dumps(body).encode(), status))
    assert type(error) is kind
    assert told in str(error)
    assert "geheim" not in str(error)


def test_an_endless_error_page_is_not_read_to_its_end(own: Bench) -> None:
    error = refused(own.answering(lambda _: httpx2.Response(500, stream=Chunks(lambda: iter(lambda: b"x" * 65536, b"")))))
    assert isinstance(error, TransientError)


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(PermanentError):
        list(lines(b"x" * 1_048_576 for _ in range(MAX_LINE_BYTES // 1_048_576 + 1)))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_are_the_same_however_the_answer_is_cut(size: int) -> None:
    whole = b'{"id":1}\r\n\n{"id":2, "naam":"Zo\xc3\xab"}\n{"id":3}'
    chunks = (whole[start : start + size] for start in range(0, len(whole), size))
    assert list(lines(chunks)) == [b'{"id":1}', '{"id":2, "naam":"Zoë"}'.encode(), b'{"id":3}']


@pytest.mark.parametrize("cut_off", [b'{"id":1}\n{"id":', b'{"id":1}\n{"id":2', b'{"id":1}\n"abc'])
def test_a_stream_that_ends_in_a_record_is_no_whole_stream(cut_off: bytes) -> None:
    with pytest.raises(TransientError):
        list(lines([cut_off]))


@pytest.mark.parametrize(
    "data",
    [
        b'{"id":7,"confidential":false}',
        b'{"id":7,"hidden":false}',
        b'{"id":7,"confidential":null,"hidden":false}',
        b'{"id":7,"confidential":"nee","hidden":false}',
    ],
)
def test_a_report_that_does_not_say_who_may_see_it_is_set_aside(own: Bench, data: bytes) -> None:
    [found] = _reports(own, data)
    assert isinstance(found, Rejection)
    assert (found.key, found.data) == ("7", data)


def test_records_keep_their_own_bytes(own: Bench) -> None:
    data = b'{ "id":8, "hidden" : false,"confidential":false, "waarde":72.50, "naam":"Zo\\u00eb" }'
    [found] = _reports(own, data)
    assert isinstance(found, Record)
    assert found.data == data


def test_the_bytes_of_a_listed_record_are_cut_from_the_list(own: Bench) -> None:
    first, second = b'{ "id" : 1, "waarde": 1.0 }', b'{"id":2}'
    context = own.saying(b'{"carePlans": [' + first + b",\n " + second + b"]}")
    plans = next(one for one in CONNECTOR.streams(context) if one.name == "care_plans")
    found = list(CONNECTOR.read(context, plans, Slice(stream="care_plans", partition="5"), None).records)
    assert [one.data for one in found] == [first, second]


def test_a_list_that_breaks_off_is_tried_again_and_another_answer_is_not(own: Bench) -> None:
    assert isinstance(refused(own.saying(b'{"carePlans": [{"id":1},'), "care_plans"), TransientError)
    assert isinstance(refused(own.saying(b'{"plans": []}'), "care_plans"), PermanentError)


def test_a_client_of_whom_every_allocation_ended_is_out_of_care_from_the_last_end_on(own: Bench) -> None:
    def day(*ends: str | None) -> str | None:
        data = json.dumps({"id": 1, "careAllocations": [{"endDate": end} for end in ends]}).encode()
        [found] = first_read(_bench(own.saying(data)), own.saying(data), "clients")
        assert isinstance(found, Record)
        return found.date

    assert day("2026-03-01", "2026-10-31T00:00:00.000+01:00", "2026-05-01") == "2026-10-31"
    assert day("2026-03-01", None) is None
    assert day() is None


def test_a_bookmark_is_asked_for_in_wall_time_and_hours_early(own: Bench) -> None:
    asked: list[httpx2.URL] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(200)

    context = own.answering(note)
    clients = next(one for one in CONNECTOR.streams(context) if one.name == "clients")
    [part] = CONNECTOR.slices(context, clients, Cursor(value="2026-07-01T10:00:00.123456+00:00"))
    for page in (None, "deletes"):
        list(CONNECTOR.read(context, clients, part, page).records)

    assert [url.path for url in asked] == ["/v0/xstream/clients/updates", "/v0/xstream/clients/deletes"]
    assert {url.params["since"] for url in asked} == {"2026-07-01T09:00:00.123"}


def test_wall_time_read_back_is_never_later_than_the_instant() -> None:
    moment, step = datetime(2026, 10, 24, 22, 0, tzinfo=UTC), timedelta(minutes=7)
    for number in range(60):
        instant = moment + number * step
        assert datetime.fromisoformat(wall_time(instant, AMSTERDAM)).replace(tzinfo=AMSTERDAM) <= instant


def test_a_client_certificate_by_tls_has_an_end_that_is_told(own: Bench, tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, AT + timedelta(days=30))
    settings = {"secrets": {"tls_certificate": str(certificate), "tls_key": str(key)}}
    seen: list[httpx2.Headers] = []

    def pong(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers)
        return httpx2.Response(200, content=b"pong")

    result = CONNECTOR.check(own.answering(pong, **settings))

    assert result.expires == AT + timedelta(days=30)
    assert "X-Client-Certificate" not in seen[0]


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (ssl.SSLCertVerificationError("unable to get local issuer"), Misconfigured),
        (ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"), AuthError),
        (ConnectionRefusedError(), TransientError),
    ],
)
def test_who_refuses_whom_at_the_handshake_matters(own: Bench, cause: Exception, kind: type[GatewayError]) -> None:
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLCertVerificationError):
        cause.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

    def fail(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("") from cause

    assert type(refused(own.answering(fail))) is kind


def _reports(own: Bench, data: bytes) -> list[Record | Rejection]:
    context = own.saying(data + b"\n")
    stream = next(one for one in CONNECTOR.streams(context) if one.name == "reports")
    return list(CONNECTOR.read(context, stream, Slice(stream="reports"), None).records)


def _bench(context: FakeContext) -> Any:
    """What ``first_read`` needs of a bench."""

    @dataclass
    class Half:
        connector: Any
        context: FakeContext

    return Half(CONNECTOR, context)


def _certificate(folder: Path, until: datetime) -> tuple[Path, Path]:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "zorgsluis-DL1001-test")])
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=private.public_key(), serial_number=1)
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(until)
        .sign(private, hashes.SHA256())
    )
    certificate, key = folder / "tls.pem", folder / "tls.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate, key
