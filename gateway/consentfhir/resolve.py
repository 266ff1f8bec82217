"""Persons and classes that a Consent names, as they are known here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from gateway.consentfhir.issues import Issues
from gateway.consentfhir.load import Recorded
from gateway.consentfhir.records import Person, Prohibition, Right, Statement
from gateway.database import Connection

CLASSES: Final = "select distinct class as class_ from class_map"

R = TypeVar("R", Right, Prohibition, Statement)


@dataclass(frozen=True, slots=True)
class Resolver:
    """What is known of one client; what isn't is noted."""

    issues: Issues
    found: Recorded
    classes: frozenset[str]

    def __call__(self, record: R, at: str) -> R:
        """Return the record with its person as known here."""
        named = record.classes or () if isinstance(record, Right) else [record.class_] if record.class_ else []
        self._known_classes(named, at)
        return replace(record, person=self._known(record.person, at)) if record.person else record

    def _known(self, person: Person, at: str) -> Person:
        """Return somebody who was linked to this client, or has a right here, under the number or the record that was given."""
        by_record = [one for one in self.found.people.values() if person.related_rid and one.related_rid == person.related_rid]
        known = self.found.people.get(person.code) or (by_record[0] if len(by_record) == 1 and not person.code else None)
        if known is None:
            self.issues.add("not-found", f"{at}.actor", "nobody known under this reference was ever linked to this client")
        elif person.related_rid and known.related_rid != person.related_rid:
            self.issues.add("value", f"{at}.actor", "number and record are of two persons")
        return known or person

    def _known_classes(self, named: Iterable[str], at: str) -> None:
        for class_ in named:
            if class_ not in self.classes:
                self.issues.add("not-found", f"{at}.class", f"no class is called {class_}")


def resolver(db: Connection, issues: Issues, found: Recorded) -> Resolver:
    """Return what resolves the names of one client's Consents."""
    return Resolver(issues, found, frozenset(row.class_ for row in db.execute(CLASSES)))
