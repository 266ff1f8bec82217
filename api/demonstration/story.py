"""The demonstration as a story: a first sync in its slot, a change at the ECD and what of it travels, a right that is lowered.

Each chapter does the real thing through the real interfaces and says what came of it; the verdict is the portal's own store's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from api.demonstration.clock import MovableClock
from api.demonstration.judgement import judge, read_lines
from api.demonstration.lies import plant
from api.demonstration.linking import link_everybody, read_links
from api.demonstration.neighbours import Neighbour
from api.demonstration.reasons import unlike
from api.demonstration.setup import LISTENER, PORTAL, SYSTEM, VENDOR_SYSTEM, Files
from api.demonstration.travelled import Travelled, snapshot_of, travelled
from api.demonstration.vendor import Vendor
from api.inbound.process import ListenerProcess
from api.opening import Installation
from api.report import report
from api.runs import EXIT_LOSS, aside, exit_code, failures, portal_trouble
from gateway import consent
from gateway.accounting import Ledgers, ledgers
from gateway.connector import RemoteState
from gateway.consent.codes import issue_code
from gateway.context import context_for
from gateway.flow import Flow, Progress
from gateway.outbox import deliver_lane
from gateway.portals import portals
from gateway.sources import pushed_and_waiting
from samples.comparison import Difference
from schedules.firing import claim_due
from schedules.listing import schedules
from schedules.sweeper import fire
from schedules.threads import Threads

SHARE_CHANGED: Final = 0.01
DOSSIER: Final = frozenset({"Observation", "Composition", "CarePlan", "Goal"})
# One page for everybody around a client.
PAGES: Final = UUID("5f0f3c1e-2d64-4f5f-9d0a-7f6f6d0f4a11")
Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Story:
    """One demonstration under way."""

    files: Files
    installation: Installation
    org: int
    ecd: Neighbour
    portal: Neighbour
    vendor: Vendor
    listeners: ListenerProcess
    clock: MovableClock
    each: Threads
    say: Say
    progress: Progress
    store: Path

    def link_everybody(self) -> dict[str, str]:
        """Link and grant as the organisation says; return ``client/person`` → member."""
        gateway, told = self.installation.gateway, {"portal": PORTAL, "by": "demonstration"}
        ecd, vendor = read_links(self.files.links), read_links(self.files.vendor_links)
        return {
            **link_everybody(gateway, self.org, ecd, self.each, system=SYSTEM, numbered=True, **told),
            **link_everybody(gateway, self.org, vendor, self.each, system=VENDOR_SYSTEM, numbered=False, **told),
        }

    def listen_to_the_vendor(self) -> None:
        """Let the vendor begin: what it tells comes in while the sync runs."""
        self.vendor.begin(self.listeners.addresses[LISTENER])

    def take_in_the_rest(self) -> dict[str, Any]:
        """Wait until the vendor has told everything, and bring to the portal what came after the sync had mapped; return its figures."""
        figures = self.vendor.finished()
        gateway = self.installation.gateway
        flow = Flow(gateway=gateway, org=self.org, each=self.each, progress=self.progress)
        for source in pushed_and_waiting(gateway, self.org):
            flow.translate(source)
        flow.disclose()
        flow.deliver()
        return figures

    def sync(self) -> Travelled:
        """Run the slot that is due and say what travelled, per stream."""
        gateway = self.installation.gateway
        before, began = snapshot_of(gateway, self.org), time.perf_counter()
        slot = claim_due(gateway, self.org)
        if slot is None:
            raise AssertionError("the clock stands at a slot, and none is due")
        runs = fire(gateway, slot, self.each, self.progress)
        took = time.perf_counter() - began
        found = travelled(gateway, self.org, runs, before, took)
        for failure in failures(gateway, self.org, runs):
            self.say(failure.text)
        for line in portal_trouble(gateway, self.org):
            self.say(line)
        return found

    def move_to_next_slot(self) -> datetime:
        """Move the clock on to the next slot and return it."""
        slot = min(one.hours.next(self.clock()) for one in schedules(self.installation.gateway, self.org))
        self.clock.move_to(slot)
        return slot

    def count(self) -> Ledgers:
        """Count both ledgers."""
        return ledgers(self.installation.gateway, self.org)

    def ledgers(self) -> Ledgers:
        """Count both ledgers and print them."""
        found = self.count()
        report(found, self.say)
        return found

    def verdict(self, members: dict[str, str], found: Ledgers, lie: str | None = None) -> list[Difference]:
        """Compare the portal's own store with the truth, after planting a lie if one was asked for."""
        truth = [*read_lines(self.files.truth), *read_lines(self.files.vendor_truth)]
        if lie is not None:
            plant(lie, self.store, truth, members, self.installation.gateway, self.org)
            found = ledgers(self.installation.gateway, self.org)
        lines = [line for line in truth if "expect" in line]
        differences = judge(lines, self.store, members, found)
        differences += unlike(lines, members, self.installation.gateway, self.org)
        for difference in differences:
            self.say(f"WRONG  {difference.lie}: {difference.key}: {difference.detail}")
        if not differences:
            self.say(
                f"the portal's own store holds exactly what each member may have: whole, reduced or not at all, "
                f"for the reason that the organisation gives ({len(lines)} pairs of record and member)"
            )
        return differences

    def exit_code(self, differences: Sequence[Difference], found: Ledgers) -> int:
        """Return 4 for a loss or a wrong showing, 1 when something was set aside, 0 when all is well."""
        return EXIT_LOSS if differences else exit_code(found, (), aside(self.installation.gateway, self.org))

    def lower_a_right(self, members: dict[str, str]) -> bool:
        """Take one person of a trust group back to basic, and read the portal until what she lost is gone."""
        gateway = self.installation.gateway
        chosen = next(one for one in read_links(self.files.links) if one["level"] == "private-medical")
        client, person = str(chosen["client"]), str(chosen["person"])
        member = members[f"{client}/{person}"]
        before = self._held(member)
        began = time.perf_counter()
        change = consent.set_grant(gateway, self.org, client=client, person=person, level="basic", granted_by="demonstration")
        for lane in change.lanes:
            deliver_lane(gateway, self.org, lane)
        after = self._held(member)
        took = time.perf_counter() - began
        gone = before.keys() - after.keys()
        narrowed = [key for key in after if key in before and after[key].body != before[key].body]
        self.say(
            f"person {person} for client {client}: private-medical -> basic. {len(gone)} items gone from the portal, {len(narrowed)} "
            f"narrowed to their reduced form, {len(after) - len(narrowed)} as they were; read back from the portal, {took:.1f} s"
        )
        self.ecd.admin("links", {"client": client, "person": person, "level": "basic"})
        dossier = [key for key in after if key.partition("/")[0] in DOSSIER]
        return not dossier and len(gone) > 0

    def _held(self, member: str) -> dict[str, RemoteState]:
        portal = portals(self.installation.gateway, self.org)[0]
        context = context_for(self.installation.gateway, self.org, portal)
        return {f"{one.type}/{one.id}": one for one in portal.sink.listing(context, member)}

    def change_the_ecd(self) -> list[dict[str, str]]:
        """Let care happen at the ECD: about one in a hundred records changes."""
        self.ecd.admin("clock", {"now": self.clock().isoformat()})
        changes: list[dict[str, str]] = self.ecd.admin("change", {"share": SHARE_CHANGED, "seed": 11})["changes"]
        return changes

    def letter(self) -> str:
        """Return the code of a letter to the first person of a trust group."""
        chosen = next(one for one in read_links(self.files.links) if one["level"] == "private-medical")
        told = {"client": str(chosen["client"]), "person": str(chosen["person"]), "level": chosen["level"], "by": "demonstration"}
        return issue_code(self.installation.gateway, self.org, portal=PORTAL, **told).code

    def name_the_family(self, members: dict[str, str]) -> None:
        """Tell the sample portal which account looks at which pages: a person linked to two clients has one account."""
        accounts: dict[str, dict[str, Any]] = {}
        for one in [*read_links(self.files.links), *read_links(self.files.vendor_links)]:
            new = {"account": one["account"], "name": one["name"], "note": one["note"], "members": [], "pages": {}}
            account = accounts.setdefault(one["account"], new)
            member = members[f"{one['client']}/{one['person']}"]
            account["members"].append(member)
            account["pages"][member] = str(uuid5(PAGES, str(one["client"])))
        self.portal.admin("accounts", list(accounts.values()))
