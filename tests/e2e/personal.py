"""What no log, summary or index may hold of the people in the sample: read from the ECD's own data."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.kills.stage import Prepared, Stage

FEEDS = ("clients", "relations", "employees", "reports")
NAMES = ("name", "lastName", "birthName", "partnerName", "carenName")
CONTACTS = ("emailAddress", "mobilePhone", "telephoneNumber")
# Shorter ones are also words of other texts, or parts of hashes.
LONG_ENOUGH = 5
SENTENCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """Everything that points at a person."""

    bsns: frozenset[str]
    names: frozenset[str]
    texts: frozenset[str]

    def found_in(self, text: str) -> list[str]:
        """Return what of it occurs; numbers and names as words of their own."""
        words = {*re.findall(r"\w+", text)}
        whole = [one for one in self.bsns | self.names if one in words or (not one.isalnum() and one in text)]
        return sorted([*whole, *(one for one in self.texts if one in text)])

    def with_those_of(self, other: Personal) -> Personal:
        """Return both: things change."""
        return Personal(bsns=self.bsns | other.bsns, names=self.names | other.names, texts=self.texts | other.texts)


def personal(stage: Prepared | Stage) -> Personal:
    """Read the people from the ECD, which has to be well."""
    certificate = stage.files.secret("certificate").read_text()
    with httpx2.Client(base_url=stage.ecd.base_url, headers={"X-Client-Certificate": certificate}, timeout=60) as http:
        feeds = {feed: http.get(f"/v0/xstream/{feed}/data").text.splitlines() for feed in FEEDS}
    records = {feed: [json.loads(line) for line in lines] for feed, lines in feeds.items()}
    everybody = [one for of_feed in records.values() for one in of_feed]
    return Personal(
        bsns=frozenset(one["bsn"] for one in records["clients"]),
        names=frozenset(_values(everybody, NAMES)),
        texts=frozenset([*_values(everybody, CONTACTS), *_sentences(records["reports"])]),
    )


def _values(records: list[dict[str, Any]], fields: tuple[str, ...]) -> Iterator[str]:
    for record in records:
        yield from (record[field] for field in fields if len(record.get(field) or "") >= LONG_ENOUGH)


def _sentences(reports: list[dict[str, Any]]) -> Iterator[str]:
    for report in reports:
        for text in (report["comment"], *(entry["content"] for entry in report["soapReportEntries"])):
            for form in {text, html.unescape(text)}:
                yield from (part for part in re.split(r"(?<=[.!?]) ", form) if len(part) >= SENTENCE)
