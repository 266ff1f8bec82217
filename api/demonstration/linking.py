"""Link the sample organisation's families before anything was synchronised, as a letter with a code does in real life.

The ids of a client and of a relation are known before their records are: they follow from the ECD's numbers and the organisation's secret
namespace. So the very first slot already knows who may see what.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gateway import consent
from gateway.errors import TransientError
from gateway.flow import Each
from gateway.runtime import Gateway

EXPECT: Final = "insert into client (org, patient_rid) values (%s, %s) on conflict (org, patient_rid) do nothing"


def read_links(path: Path) -> list[dict[str, Any]]:
    """Read who is linked to whom, at which level, as the organisation says it."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def link_everybody(
    gateway: Gateway,
    org: int,
    links: Sequence[Mapping[str, Any]],
    each: Each,
    *,
    system: str,
    numbered: bool,
    portal: str,
    by: str,
) -> dict[str, str]:
    """Link and grant, some clients at a time; return ``client/person`` → member.

    ``numbered``: the source knows a relation by the person's number alone. Otherwise who they are becomes known with their record.

    Raises:
        TransientError: the database failed for somebody.
    """
    ids = gateway.keys(org).ids()
    members: dict[str, str] = {}

    def link_family_of(place: int) -> None:
        client = clients[place]
        patient = ids.resource_id(system, "Patient", f"client/{client}")
        with gateway.database.transaction(org) as db:
            db.execute(EXPECT, (org, patient))
        for one in links:
            if str(one["client"]) != client:
                continue
            person = str(one["person"])
            related = ids.resource_id(system, "RelatedPerson", f"relation/{person}") if numbered else None
            members[f"{client}/{person}"] = consent.link(
                gateway, org, portal=portal, client=patient, person=person, related_rid=related, by=by
            )
            consent.set_grant(gateway, org, client=patient, person=person, level=one["level"], granted_by=by)

    clients = list(dict.fromkeys(str(one["client"]) for one in links))
    failed = each(link_family_of, range(len(clients)))
    if failed:
        raise TransientError(f"{len(failed)} clients could not be linked; see the database's log, then start again")
    return members
