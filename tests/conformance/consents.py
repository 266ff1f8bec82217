"""The Consents of each client: written by the gateway from rights, not from a record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gateway.consentfhir.records import Elsewhere, Person, Place, Prohibition, Right, Rights, Statement
from gateway.consentfhir.write import elsewhere_consent, rights_consent
from gateway.disclosure.decide import Level
from samples.ecd.records import Link, World
from tests.conformance.produced import IDS, STORED_AT, SYSTEM, Produced

PLACE = Place(organisation="delinde", name="Thuiszorg De Linde", changed_at=STORED_AT)
SINCE = datetime(2026, 1, 10, 13, 2, 11, 123456, tzinfo=UTC)
LEVELS: dict[str, Level] = {"basic": "basic", "private-medical": "private-medical"}


def consents(world: World) -> Iterator[Produced]:
    """Yield the Consent of every client that somebody is linked to, and one client's with everything that a Consent can carry."""
    patient = ""
    for client, links in world.members().items():
        patient = IDS.resource_id(SYSTEM, "Patient", f"client/{client}")
        rights = tuple(_right(link) for link in links if link.level in LEVELS)
        yield _produced(rights_consent(Rights(patient=patient, rights=rights), PLACE))
    yield _produced(rights_consent(_everything(patient), PLACE))
    yield _produced(elsewhere_consent(_elsewhere(patient), PLACE))


def _produced(body: dict[str, object]) -> Produced:
    return Produced(kind="Consent", projection="whole", body=body)


def _right(link: Link) -> Right:
    related = IDS.resource_id(SYSTEM, "RelatedPerson", f"relation/{link.person}")
    return Right(person=Person(code=str(link.person), related_rid=related), level=LEVELS[link.level], valid_from=SINCE)


def _everything(patient: str) -> Rights:
    person, other = Person(code="50", related_rid="rp-50"), Person(code="51")
    part = Right(
        person=person,
        level="private-medical",
        valid_from=SINCE,
        valid_to=SINCE + timedelta(days=400),
        suspended=True,
        classes=("calendar", "report"),
        data_from=SINCE - timedelta(days=900),
        data_to=SINCE,
        basis="representative",
        representative="52",
        parental=True,
        confirmed_at=SINCE,
    )
    nothing_more = Right(person=other, level="basic", valid_from=SINCE, classes=(), basis="statutory")
    forbidden = (
        Prohibition(reason="family-conflict", valid_from=SINCE, valid_to=SINCE + timedelta(days=30), person=person),
        Prohibition(reason="third-party", valid_from=SINCE, class_="report"),
        Prohibition(reason="client-wish", valid_from=SINCE, resource="Observation/obs-1"),
    )
    return Rights(patient=patient, rights=(part, nothing_more), prohibitions=forbidden)


def _elsewhere(patient: str) -> Elsewhere:
    lines = (
        Statement(decision="deny", valid_from=SINCE, category="support-network", purpose="SUPNWK"),
        Statement(decision="permit", valid_from=SINCE, person=Person(code="50"), purpose="SUPNWK", class_="report"),
        Statement(decision="deny", valid_from=SINCE, resource="Observation/obs-1"),
    )
    return Elsewhere(patient=patient, source="register 2026-17", statements=lines)
