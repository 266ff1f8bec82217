"""What the ECD holds: shelves of records, by key and by client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

#: A record as it goes over the wire. A change puts a new one in its place, so that a stream under way stays whole.
Record = dict[str, Any]

STREAMS = ("clients", "relations", "employees", "reports", "care_plans", "agenda")

KINDS = {
    "clients": "client",
    "relations": "relation",
    "employees": "employee",
    "reports": "report",
    "care_plans": "care_plan",
    "agenda": "agenda_occurrence",
}


class Shelf:
    """The records of one stream, in the order in which they came."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._of_client: dict[int, dict[str, None]] = {}

    def put(self, record: Record, client: int | None = None) -> None:
        """Add a record or replace the one with the same id. ``client`` is its client where the record does not say so."""
        key = str(record["id"])
        self._records[key] = record
        owner = client if client is not None else record.get("clientId")
        if owner is not None:
            self._of_client.setdefault(owner, {})[key] = None

    def remove(self, key: str) -> Record:
        """Take a record away and return it."""
        for keys in self._of_client.values():
            keys.pop(key, None)
        return self._records.pop(key)

    def get(self, key: str) -> Record | None:
        return self._records.get(key)

    def of_client(self, client: int) -> list[Record]:
        """Return the client's records."""
        return [self._records[key] for key in self._of_client.get(client, {})]

    def all(self) -> list[Record]:
        """Return every record: a list of its own, so that a change during a stream leaves the stream whole."""
        return list(self._records.values())

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys."""
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: str) -> bool:
        return key in self._records


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One person's link to one client at the portal. ``account`` is the same for a person who has several clients.

    ``name`` and ``note`` (their relation to the client) are what the portal's demonstration sign-in shows.
    """

    client: str
    person: str
    level: str
    account: str
    trust_group: str | None
    name: str
    note: str

    @property
    def member_key(self) -> str:
        return f"{self.client}/{self.person}"


@dataclass(slots=True, kw_only=True)
class World:
    """Everything the server serves, and its clock (which moves only when told to)."""

    seed: int
    days: int
    today: date
    now: datetime
    shelves: dict[str, Shelf] = field(default_factory=lambda: {name: Shelf() for name in STREAMS})
    links: list[Link] = field(default_factory=list)
    series: list[Record] = field(default_factory=list)
    client_deletes: list[Record] = field(default_factory=list)
    unmappable: set[tuple[str, str]] = field(default_factory=set)
    agenda_until: date | None = None
    last_report: int = 100_000
    last_plan: int = 20_000
    last_entry: int = 400_000

    def __getitem__(self, stream: str) -> Shelf:
        return self.shelves[stream]

    def members(self) -> dict[str, list[Link]]:
        """Return the links by client."""
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.client, []).append(link)
        return found
