"""Whose a resource is: two clients of one source never share one, whatever the numbers that their messages hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.engine import DIRECTORY
from gateway.mapping.golden import IDS
from gateway.mapping.versions import compile_shipped
from gateway.model import Mapped, MapResult, SourceRecord
from tests.golden.cases import HERE
from tests.unit.mappings_hl7v2.results_messages import mapped

MESSAGES: Final = sorted(HERE.glob("hl7v2-*/*.source.hl7"))
PID: Final = re.compile(rb"(?<![^\r\n])(PID\|[^|\r\n]*\|)[^|\r\n]*\|[^|\r\n]*")
TIMES: Final = "^^30^20260311083000+0100^20260311090000+0100"
# Signs that keys are made with, so that parts might run into each other.
NUMBER: Final = st.text("12/%.-+:", min_size=1, max_size=3)


def of_others(body: bytes) -> bytes:
    """Return a message in which each client is somebody else, and all other numbers are the same."""
    numbers = iter(range(1, 100))
    return PID.sub(lambda found: found[1] + b"|77%04d^^^^PI" % next(numbers), body)


def owned(result: MapResult) -> list[Mapped]:
    """Return what is somebody's, but for who they are: a merge names the same record whoever survives."""
    return [one for one in result.mapped if one.type not in DIRECTORY and one.type != "Patient"]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}/{path.name.partition('.')[0]}")
def test_a_message_about_others_with_all_its_numbers_the_same_makes_nothing_that_was_somebody_elses(path: Path) -> None:
    maps = compile_shipped("hl7v2")
    some, others = (
        maps.map(SourceRecord(system="caress", kind=path.parent.name[-3:], stream="hl7v2", key="1", body=body), IDS)
        for body in (path.read_bytes(), of_others(path.read_bytes()))
    )

    assert {one.id for one in owned(some)}.isdisjoint(one.id for one in owned(others))
    assert {one.patient for one in owned(some)}.isdisjoint(one.patient for one in owned(others))


@given(clients=st.tuples(NUMBER, NUMBER), numbers=st.tuples(NUMBER, NUMBER))
def test_of_two_messages_that_number_something_one_resource_comes_of_equal_clients_and_numbers_alone(
    clients: tuple[str, str], numbers: tuple[str, str]
) -> None:
    alike = clients[0] == clients[1] and numbers[0] == numbers[1]

    for one, other in zip(*map(numbered, clients, numbers), strict=True):
        assert one.type == other.type
        assert (one.id == other.id) is alike


def numbered(client: str, number: str) -> list[Mapped]:
    """Return a problem, a goal for it, a pathway, an appointment and a referral of one client, all with one number."""
    pid = f"PID|1||{client}^^^CARESS^PI||Berg^Johanna"
    plan = mapped(
        "PPR^PC1",
        pid,
        f"PRB|AD|20260305103000+0100|VAL^Valgevaar^L|{number}^CARESS",
        f"GOL|AD|20260305103000+0100|D^Loopt veilig^L|{number}^CARESS",
        f"PTH|AD|Z^Zorgpad^L|{number}^CARESS",
    )
    visit = mapped("SIU^S12", f"SCH||{number}^CARESS|||||||||{TIMES}", pid)
    referral = mapped("REF^I12", f"RF1||||||{number}^CARESS", pid)
    made = [one for result in (plan, visit, referral) for one in owned(result)]
    assert [one.type for one in made] == ["CarePlan", "Goal", "Condition", "Appointment", "ServiceRequest"]
    assert {f"Condition/{made[2].id}"} == {link["reference"] for one in made[:2] for link in one.body["addresses"]}
    return made


def test_in_a_problem_message_of_one_client_after_another_each_goal_is_for_its_own_clients_problem() -> None:
    problem, goal = "PRB|AD|20260305103000+0100|V^Val^L|P1", "GOL|AD|20260305103000+0100|D^Doel^L|G1"
    result = mapped("PPR^PC1", "PID|1||1^^^CARESS^PI", problem, goal, "PID|2||2^^^CARESS^PI", problem, goal)
    conditions, goals = ([one for one in owned(result) if one.type == type_] for type_ in ("Condition", "Goal"))

    assert len({one.patient for one in conditions}) == len({one.id for one in conditions}) == 2
    assert [one.body["addresses"] for one in goals] == [[{"reference": f"Condition/{one.id}"}] for one in conditions]


@pytest.mark.parametrize(("trigger", "times"), [("S12", TIMES), ("S15", "")])
def test_an_appointment_keeps_its_clients_in_whatever_order_and_however_often_a_message_names_them(
    trigger: str, times: str
) -> None:
    one, two = "PID|1||1^^^CARESS^PI||Berg^Johanna", "PID|2||2^^^CARESS^PI||Groot^Wim"
    made = []
    for clients in ((one, two), (two, one), (one, two, one, two)):
        result = mapped(f"SIU^{trigger}", f"SCH||GRP7|||||||||{times}", *clients)
        made.append({(visit.patient, visit.id) for visit in owned(result)})

    assert made[0] == made[1] == made[2]
    assert len(made[0]) == len({patient for patient, _ in made[0]}) == 2
    assert {visit.id for visit in owned(mapped(f"SIU^{trigger}", f"SCH||GRP7|||||||||{times}", two))} < {
        id_ for _, id_ in made[0]
    }
