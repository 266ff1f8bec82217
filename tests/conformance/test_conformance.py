"""HL7's own validator over every kind of resource that we make, and over one spoiled resource of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.jsonbytes import dumps
from tests.conformance.care_team import care_teams
from tests.conformance.consents import consents
from tests.conformance.damage import DAMAGE, damaged
from tests.conformance.golden import golden_resources
from tests.conformance.hl7 import Finding, Report, validate, write_ndjson
from tests.conformance.produced import Produced, produced, sample, variants
from tests.conformance.trail import trail

pytestmark = [pytest.mark.jdk, pytest.mark.timeout(900)]

CLIENTS = 20
WHOLE, DAMAGED, SLIPPED = "whole.ndjson", "damaged.ndjson", "slipped.ndjson"
# Best practice that we leave to portals (narrative), an example value set that can't hold labels of our own, and the code systems of a
# sender of HL7 v2, which nobody but the sender knows.
ACCEPTED = (
    "dom-6",
    "/CodeSystem/audience#",
    "/CodeSystem/disclosure-class#",
    "/CodeSystem/hl7v2-golden/",
    # HL7 v2 has more types of number, classes of stay, and ways in and out than these extensible value sets.
    "'IdentifierType'",
    "'V3 Value SetActEncounterCode'",
    "'BestemmingCodelijst'",
    "'HerkomstCodelijst'",
    # Names of our own for what was done; and a changed right, for which the value set has nothing but a security alert.
    "/CodeSystem/audit-event#",
    "'Audit Event ID'",
    # A sender that doesn't name who measured; a cancellation, which tells of nobody and no moment.
    "All_observations_should_have_",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was validated, and what the validator said of it."""

    whole: Sequence[Produced]
    examples: dict[str, Produced]
    report: Report

    def of(self, finding: Finding) -> str:
        """Name the resource that a finding in the first file is about: kinds and paths, no content."""
        item = self.whole[finding.line - 1]
        return f"{item.kind} ({item.projection}) {finding.path}: {finding.message}"


@pytest.fixture(scope="session")
def outcome(maven: str, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("conformance")
    world = sample(CLIENTS)
    whole = variants([*produced(world), *care_teams(world), *consents(world), *golden_resources(), *trail()], 2)
    examples = {name: next((item for item in whole if _fits(item, name)), whole[0]) for name in DAMAGE}
    files = (
        _write(folder / WHOLE, [item.body for item in whole]),
        _write(folder / DAMAGED, [damaged(examples[name].body) for name in DAMAGE]),
        _write(folder / SLIPPED, [_slipped(examples["nl-core-BodyWeight"].body)]),
    )
    return Outcome(whole=whole, examples=examples, report=validate(files))


def _fits(item: Produced, kind: str) -> bool:
    """Whether a resource can be spoiled in the way of its kind: a measurement needs its value for that."""
    measured = item.body["resourceType"] != "Observation" or "dataAbsentReason" not in item.body
    return item.kind == kind and item.projection == "whole" and measured


def _write(path: Path, bodies: Sequence[dict[str, object]]) -> Path:
    return write_ndjson(path, (dumps(body) for body in bodies))


def _slipped(body: dict[str, object]) -> dict[str, object]:
    """Return a weight with the display of a temperature: a code that slipped by one line in a table."""
    copy = deepcopy(body)
    copy["code"]["coding"][0]["display"] = "Body temperature"  # type: ignore[index]
    return copy


def test_the_sample_holds_every_kind_that_can_be_spoiled_and_no_other(outcome: Outcome) -> None:
    assert {item.kind for item in outcome.whole} == set(DAMAGE)


def test_no_resource_that_we_make_has_an_error(outcome: Outcome) -> None:
    assert [outcome.of(finding) for finding in outcome.report.errors(WHOLE)] == []


def test_every_code_that_we_write_is_known_with_its_display(outcome: Outcome) -> None:
    """No warning but the accepted ones: an unknown code system or a code outside its fragment would be one."""
    rest = [f for f in outcome.report.findings if f.file == WHOLE and not any(w in f.code + f.message for w in ACCEPTED)]

    assert [outcome.of(finding) for finding in rest] == []


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_to_a_resource_is_reported(outcome: Outcome, kind: str) -> None:
    line = list(DAMAGE).index(kind) + 1

    assert [finding for finding in outcome.report.errors(DAMAGED) if finding.line == line]


def test_a_display_that_belongs_to_another_code_is_reported(outcome: Outcome) -> None:
    assert outcome.report.errors(SLIPPED)
