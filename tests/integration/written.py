"""A generated world of the rules, written into the tables, so that the view can be asked what the pure function is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from gateway.database import Connection
from gateway.disclosure.decide import Facts, Policy, Subscriber, Verdict

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


class Written:
    """One client with a policy, two persons and two items, in an open transaction that the caller undoes."""

    def __init__(self, db: Connection, org: int, policy: Policy) -> None:
        self.db, self.org = db, org
        self.client = self._new(
            "client",
            patient_rid="p",
            stop_reason="gone" if policy.stopped else None,
            end_of_care_at=policy.end_of_care_at,
            birth_date=policy.birth_date,
        )
        self.persons = {number: self._new("person", code=f"generated {number}") for number in (1, 2)}
        self.rkeys = {number: self._item(number) for number in (1, 2, 3)}
        self.grants = {self._grant(grant): grant.id for grant in policy.grants}
        self._forbids(policy)

    def verdict(self, item: Facts, subscriber: Subscriber) -> Verdict:
        """Give an item its facts and the client its member, and ask the view about them.

        ``otherwise``: its code but for a stop; ``at_most``: its projection but for a stop and the end of a right's period.
        """
        self.describe(item)
        link = self.link(subscriber, self.portal(subscriber))
        row = self.db.execute(
            "select * from disclosure_verdict where client_id = %s and rkey = %s and link_id = %s",
            (self.client, self.rkeys[item.rkey], link),
        ).fetchone()
        assert row is not None
        self.otherwise, self.at_most = row.otherwise, row.at_most
        return Verdict(code=row.code, projection=row.projection, grant_id=self.grants.get(row.grant_id))

    def _new(self, table: str, **values: Any) -> int:
        columns = ", ".join(["org", *values])
        marks = ", ".join(["%s"] * (len(values) + 1))
        number = "rkey" if table == "resource" else "id"
        row = self.db.execute(
            f"insert into {table} ({columns}) values ({marks}) returning {number} as number", (self.org, *values.values())
        ).fetchone()
        assert row is not None
        return int(row.number)

    def _item(self, number: int) -> int:
        values = {
            "rtype": "Other",
            "rid": str(number),
            "version": 1,
            "last_updated": EARLIER,
            "client_id": self.client,
        }
        return self._new("resource", **values, hash=b"", body=b"", system="generated", class_key=f"key {number}")

    def describe(self, item: Facts) -> None:
        self.db.execute(
            "update resource set rtype = %s, rid = %s, audience = %s, labels = %s, data_at = %s, withdrawn = %s, origin_portal = %s "
            "where rkey = %s",
            (
                *(item.rtype, item.rid, item.audience, sorted(item.labels), item.data_at, item.withdrawn, item.origin_portal),
                self.rkeys[item.rkey],
            ),
        )
        if item.rule is not None:
            rule = item.rule
            self.db.execute(
                "insert into class_map values (%s, 'generated', %s, %s, %s, %s, %s)",
                (self.org, f"key {item.rkey}", rule.class_, rule.audience, rule.basic_projection, rule.label),
            )

    def portal(self, subscriber: Subscriber) -> int:
        """Add a portal where this is how members sign in: a pull has a sign-in, else the portal's own step-up counts."""
        self.db.execute(
            "select set_config('app.acr', %s, true) as acr, set_config('app.auth_time', %s, true) as since",
            (str(subscriber.acr), subscriber.auth_time.isoformat() if subscriber.auth_time else "")
            if subscriber.pull
            else ("", ""),
        )
        self.db.execute(
            "update organisation set dossier_acr = %s, step_up_minutes = %s where id = %s",
            (subscriber.needed_acr, subscriber.step_up_minutes, self.org),
        )
        return self._new(
            "portal",
            code="generated",
            connector="x",
            settings=Jsonb({} if subscriber.origin is None else {"origin": subscriber.origin}),
            step_up=not subscriber.pull and subscriber.acr > 1,
            acr=3 if subscriber.pull else max(subscriber.acr, 2),
            audiences=None if subscriber.audiences is None else sorted(subscriber.audiences),
        )

    def link(self, subscriber: Subscriber, portal: int) -> int:
        """Link a member at a portal."""
        return self._new(
            "link",
            portal_id=portal,
            client_id=self.client,
            person_id=self.persons[subscriber.person],
            member=uuid4(),
            related_rid=subscriber.related_rid,
            state=subscriber.link_state,
            linked_at=EARLIER,
        )

    def _grant(self, grant: Any) -> int:
        return self._new(
            "trust_grant",
            client_id=self.client,
            person_id=self.persons[grant.person],
            level=grant.level,
            classes=None if grant.classes is None else sorted(grant.classes),
            data_from=grant.data_from,
            data_to=grant.data_to,
            status=grant.status,
            basis=grant.basis,
            parental=grant.parental,
            confirmed_at=grant.confirmed_at,
            granted_by="x",
            **self._period(grant),
        )

    def _forbids(self, policy: Policy) -> None:
        for exclusion in policy.exclusions:
            self._new("exclusion", **self._named(exclusion), **self._period(exclusion), reason_code="x", set_by="x")
        for mandate in policy.representations:
            values = {
                "person_id": self.persons[mandate.person],
                "kind": mandate.kind,
                "scope": sorted(mandate.scope),
                "set_by": "x",
            }
            self._new("representation", client_id=self.client, **values, **self._period(mandate))
        for consent in policy.external:
            said: dict[str, Any] = {
                "decision": consent.decision,
                "category": consent.category,
                "purpose": consent.purpose,
                "source_ref": "x",
            }
            self._new("external_consent", **self._named(consent), **said, **self._period(consent))

    def _named(self, record: Any) -> dict[str, Any]:
        return {
            "client_id": self.client,
            "person_id": record.person and self.persons[record.person],
            "class": record.class_,
            "rkey": record.rkey and self.rkeys[record.rkey],
        }

    def _period(self, record: Any) -> dict[str, Any]:
        return {"valid_from": record.valid_from, "valid_to": record.valid_to, "recorded_at": record.valid_from}
