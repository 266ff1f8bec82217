"""The CareTeam of each client: made by the gateway from links and rights, not from a record."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from uuid import NAMESPACE_URL, uuid5

import pytest

from gateway import careteam
from gateway.database import Connection
from gateway.disclosure.classes import CARE_TEAM, OWN_RULES, OWN_SYSTEM
from gateway.model import Mapped
from gateway.runtime import Gateway
from samples.ecd.records import Link, World
from tests.conformance.produced import IDS, SYSTEM, Produced, forms


class Row(NamedTuple):
    """One linked person as ``careteam.PARTICIPANTS`` gives it."""

    member: str
    related_rid: str
    level: str


def care_teams(world: World) -> Iterator[Produced]:
    """Yield the CareTeam of every client that somebody is linked to, as the store keeps it."""
    for client, links in world.members().items():
        patient = IDS.resource_id(SYSTEM, "Patient", f"client/{client}")
        body = _written(patient, [_row(link) for link in links])
        mapped = Mapped(type="CareTeam", id=body["id"], body=body, class_=CARE_TEAM, patient=patient)
        yield from forms(mapped, OWN_RULES[CARE_TEAM], (OWN_SYSTEM, "care-team", patient))


def _row(link: Link) -> Row:
    related = IDS.resource_id(SYSTEM, "RelatedPerson", f"relation/{link.person}")
    return Row(str(uuid5(NAMESPACE_URL, link.member_key)), related, link.level)


def _written(patient: str, rows: list[Row]) -> dict[str, Any]:
    """Return what ``careteam.rewrite`` stores when the database answers with these rows: the step before the store, nothing else."""
    kept: dict[str, Any] = {}
    answer = SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchall=lambda: rows))
    keys = SimpleNamespace(keys=lambda _: SimpleNamespace(ids=lambda: IDS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(careteam, "store_own", lambda *_, body, **__: kept.update(body) or True)
        careteam.rewrite(cast("Connection", answer), cast("Gateway", keys), 1, 1, patient)
    return kept
