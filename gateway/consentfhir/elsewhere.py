"""What another registry says of a client's will, recorded here: rows of a consent there replace those that it had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.audit import AuditEvent
from gateway.consent.changing import changing
from gateway.consent.people import known_person, resource_of
from gateway.consentfhir.records import Statement
from gateway.runtime import Gateway

SUPERSEDE: Final = """
update external_consent set superseded_at = app_now() where client_id = %s and source_ref = %s and superseded_at is null"""
RECORD: Final = """
insert into external_consent (org, client_id, decision, person_id, category, purpose, class, rkey, valid_from, valid_to, source_ref,
  recorded_at)
values (%(org)s, %(client)s, %(decision)s, %(person_id)s, %(category)s, %(purpose)s, %(class_)s, %(rkey)s,
  coalesce(%(valid_from)s, app_now()), %(valid_to)s, %(source)s, app_now())"""


def record_elsewhere(
    gateway: Gateway, org: int, *, client: str | int, source: str, statements: Sequence[Statement], by: str
) -> None:
    """Record what a consent in another registry says now, whatever it said before; none: it says nothing any more.

    It takes effect at once, like any change of rights.

    Raises:
        NotFound: no such client, person or resource.
    """
    with changing(gateway, org, client) as under:
        under.db.execute(SUPERSEDE, (under.client, source))
        for one in statements:
            values: dict[str, Any] = {
                "org": org,
                "client": under.client,
                "source": source,
                "decision": one.decision,
                "person_id": None if one.person is None else known_person(under.db, org, one.person.code),
                "category": one.category,
                "purpose": one.purpose,
                "class_": one.class_,
                "rkey": None if one.resource is None else resource_of(under.db, org, under.client, one.resource),
                "valid_from": one.valid_from,
                "valid_to": one.valid_to,
            }
            under.db.execute(RECORD, values)
        under.outdate()
        detail = {"statements": len(statements), "denials": sum(one.decision == "deny" for one in statements)}
        under.take_effect(AuditEvent(event="external-consent", action="U", agent=by, detail=detail))


def same_statements(before: Sequence[Statement], asked: Sequence[Statement]) -> bool:
    """Tell whether they say the same; one without a beginning keeps the one that it has."""
    return len(before) == len(asked) and all(
        was == (one if one.valid_from is not None else replace(one, valid_from=was.valid_from))
        for was, one in zip(before, asked, strict=True)
    )
