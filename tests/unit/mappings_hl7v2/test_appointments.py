"""Appointments: what an event does to the status, which order segments come in, and what the circle may read."""

from __future__ import annotations

import string
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.tables import read_concepts
from gateway.mapping.versions import shipped_files
from gateway.model import Mapped
from tests.unit.mappings_hl7v2.results_messages import CLIENT, mapped

SECOND: Final = "PID|2||0012346^^^CARESS^PI||Groot^Wim"
STANDING: Final = {"proposed", "pending", "booked", "arrived", "checked-in", "waitlist"}
TABLE_0278: Final = (
    "Pending",
    "Waitlist",
    "Booked",
    "Started",
    "Complete",
    "Cancelled",
    "Discontinued",
    "Deleted",
    "Blocked",
    "Overbook",
    "Noshow",
    "",
)
TIMES: Final = "^^30^20260311083000+0100^20260311090000+0100"
SIGNS: Final = sorted(set(string.printable) - set("|^~\\&\r\n\x0b\x0c"))
PLAIN: Final = st.text("".join(SIGNS), max_size=30)


def sch(number: str = "AFS1^CARESS", *, reason: str = "", times: str = TIMES, status: str = "Booked", placer: str = "") -> str:
    """Return a SCH."""
    return f"SCH|{placer}|{number}|||||{reason}||||{times}||||||||||||||{status}^^HL70278"


def siu(trigger: str, *segments: str) -> list[Mapped]:
    """Return the appointments that a message gives."""
    result = mapped(f"SIU^{trigger}^SIU_S12", *segments)
    assert result.outcome in ("ok", "ok-with-issues"), result.reason
    return [one for one in result.mapped if one.type == "Appointment"]


@pytest.mark.parametrize("status", TABLE_0278)
@pytest.mark.parametrize("trigger", ["S15", "S16", "S17", "S26"])
@pytest.mark.parametrize("times", [TIMES, ""])
def test_what_is_off_never_stands_as_if_it_were_on_whatever_the_status_field_still_says(
    trigger: str, status: str, times: str
) -> None:
    if trigger == "S26" and not times:
        return  # held back, see below
    [off] = siu(trigger, sch(status=status, times=times), CLIENT)

    assert off.body["status"] not in STANDING
    assert off.withdrawn or (trigger != "S17" and off.body["status"] != "entered-in-error")


@pytest.mark.parametrize("trigger", ["S12", "S13", "S14"])
def test_what_is_made_or_changed_has_the_status_that_is_said_and_otherwise_stands(trigger: str) -> None:
    [said] = siu(trigger, sch(status="Waitlist"), CLIENT)
    [not_said] = siu(trigger, sch(status=""), CLIENT)

    assert (said.body["status"], not_said.body["status"]) == ("waitlist", "booked")


def test_all_events_about_one_number_are_about_one_appointment() -> None:
    numbers = [("AFS1^CARESS", ""), ("AFS1", ""), ("", "AFS1^CARESS"), ("AFS1^CARESS", "PLAATS9^ANDERS")]
    found = {one.id for number, placer in numbers for one in siu("S13", sch(number, placer=placer), CLIENT)}
    [other] = siu("S13", sch("AFS1^ANDERS"), CLIENT)

    assert len(found) == 1
    assert other.id not in found


def test_it_makes_no_difference_whether_the_client_comes_before_or_after_the_schedule() -> None:
    rest = ("RGS|1|A", "AIS|1|A|ADL^Hulp^L|20260311083000+0100", "AIP|1|A|90001234^Bakker^M.^^^^^^AGB|VPK^Verpleegkundige^L")
    note = "NTE|1|L|Sleutel bij de buren"
    [after] = siu("S12", sch(), note, CLIENT, *rest)
    [before] = siu("S12", CLIENT, sch(), note, *rest)

    assert (after.id, after.body, after.references) == (before.id, before.body, before.references)


def test_a_cancellation_without_times_changes_the_status_and_leaves_the_times() -> None:
    [made] = siu("S12", sch(), CLIENT)
    [off] = siu("S15", sch(times="", status=""), CLIENT)

    assert (off.id, off.write) == (made.id, "patch")
    assert off.body.keys().isdisjoint({"start", "end", "serviceType", "comment", "meta"})


def test_of_several_clients_each_has_an_appointment_in_which_the_others_do_not_stand() -> None:
    some = siu("S12", sch(), CLIENT, SECOND)
    again = siu("S13", sch(), CLIENT, SECOND)

    assert len({one.patient for one in some}) == len(some) == 2
    assert [one.id for one in some] == [one.id for one in again]
    for one in some:
        assert [name for name in one.references if name.startswith("Patient/")] == [f"Patient/{one.patient}"]


def test_a_note_about_the_client_or_a_service_is_not_one_of_the_appointment() -> None:
    [one] = siu(
        "S12",
        sch(),
        CLIENT,
        "NTE|1|L|Over de cliënt",
        "RGS|1|A",
        "AIS|1|A|ADL^Hulp^L|20260311083000+0100",
        "NTE|1|L|Bij de dienst",
    )

    assert "patientInstruction" not in one.body


@given(reason=PLAIN, service=PLAIN, role=PLAIN, note=PLAIN)
def test_the_circle_reads_our_words_alone(reason: str, service: str, role: str, note: str) -> None:
    """Basic members see serviceType.text and comment of an appointment: neither ever holds what the sender wrote."""
    words = {
        target.code
        for rows in read_concepts("d", shipped_files("hl7v2")["codes/discipline.csv"])["discipline"].targets.values()
        for target in rows
    }
    segments = (f"NTE|1|L|{note}", CLIENT, "RGS|1|A", f"AIS|1|A|X^{service}^L|20260311083000+0100", f"AIP|1|A|9^B|Y^{role}^L")
    [one] = siu("S12", sch(reason=f"Z^{reason}^L"), *segments)

    assert one.body["serviceType"][0]["text"] in words | {"Zorg"}
    assert len(one.body["serviceType"]) == 1
    assert one.body["comment"].startswith("Tijden zijn een indicatie;")


@pytest.mark.parametrize(
    ("times", "end"),
    [
        ("^^45^20261025013000+0200", "2026-10-25T02:15:00+02:00"),
        ("^^M45^20260311083000", "2026-03-11T09:15:00+01:00"),
        ("^^H1^20260311083000+0100", "2026-03-11T09:30:00+01:00"),
    ],
)
def test_an_appointment_without_an_end_lasts_as_long_as_it_says(times: str, end: str) -> None:
    [one] = siu("S12", sch(times=times), CLIENT)

    assert one.body["end"] == end


@pytest.mark.parametrize("trigger", ["S12", "S14", "S26"])
@pytest.mark.parametrize(
    "segments", [(sch(times="^^^20260311083000"), CLIENT), (sch(times=""), CLIENT), (sch(),), (sch(""), CLIENT)]
)
def test_without_an_end_a_start_a_client_or_a_number_it_is_held_back(trigger: str, segments: tuple[str, ...]) -> None:
    result = mapped(f"SIU^{trigger}^SIU_S12", *segments)

    assert (result.outcome, result.reason, result.mapped) == ("quarantined", "required-missing", ())
