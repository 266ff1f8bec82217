"""Results that come as HL7 v2: whose they are, what a correction changes, and that no line is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.mappings_hl7v2.results_messages import CLIENT, ORDER, REPORT, WEIGHT, bodies, made, mapped, obx, oru

# The first example compiles the maps, on whatever machine: no deadline.
some = settings(max_examples=40, deadline=None)


def test_a_corrected_result_replaces_the_first() -> None:
    [first] = oru(obx("NM", WEIGHT, "61.4", "kg"), control="MSG1")
    [second] = oru(obx("NM", WEIGHT, "64.1", "kg", status="C"), control="MSG2")

    assert (first.id, first.body["status"]) == (second.id, "final")
    assert second.body["status"] == "corrected"


def test_a_result_without_order_numbers_is_known_by_its_moment() -> None:
    order = "OBR|1|||85353-1^Vitale functies^LN"
    [first] = made(mapped("ORU^R01", CLIENT, order, obx("NM", WEIGHT, "61.4", "kg"), control="MSG1"))
    [again] = made(mapped("ORU^R01", CLIENT, order, obx("NM", WEIGHT, "61.5", "kg", status="C"), control="MSG2"))
    [later] = made(mapped("ORU^R01", CLIENT, order, obx("NM", WEIGHT, "61.4", "kg", at="20260311101500+0100"), control="MSG3"))

    assert first.id == again.id != later.id


def test_a_result_that_is_taken_back_is_withdrawn_without_its_content() -> None:
    for status in "DW":
        for line in (obx("NM", WEIGHT, "", status=status), obx("TX", REPORT, "", status=status)):
            [one] = oru(line)
            assert (one.withdrawn, one.body["status"]) == (True, "entered-in-error")


def test_a_result_that_could_not_be_had_stays() -> None:
    [one] = oru(obx("NM", WEIGHT, "", "kg", status="X"))

    assert (one.withdrawn, one.body["status"]) == (False, "cancelled")


GROUPS = st.lists(
    st.tuples(st.integers(1, 4), st.lists(st.tuples(st.sampled_from(("", "1")), st.integers(300, 6000)), max_size=4)),
    min_size=1,
    max_size=5,
)


@some
@given(GROUPS)
def test_two_clients_in_one_message_never_mix(groups: list[tuple[int, list[tuple[str, int]]]]) -> None:
    """The value of each weight says whose it is, whatever numbers orders and sub-ids have in common."""
    segments, wanted = [], []
    for client, weights in groups:
        segments += [f"PID|1||{client}^^^CARESS^PI||Naam{client}", ORDER]
        for sub, weight in weights:
            wanted.append((f"client/{client}", f"{weight / 10}{client}"))
            segments.append(obx("NM", WEIGHT, wanted[-1][1], "kg", sub=sub))

    result = mapped("ORU^R01", *segments)

    found = sorted((one.patient or "", str(one.body["valueQuantity"]["value"])) for one in made(result))
    clients = {f"client/{client}": made_patient(client) for client, _ in groups}
    assert found == sorted((clients[key], value) for key, value in wanted)


def made_patient(client: int) -> str:
    """Return the id of a client by the resource that a message about them alone gives."""
    result = mapped("ORU^R01", f"PID|1||{client}^^^CARESS^PI||Naam{client}", ORDER)
    return next(one.id for one in result.mapped if one.type == "Patient")


LINES = st.lists(
    st.tuples(
        st.sampled_from((REPORT, "48767-8^Toelichting^LN")), st.sampled_from(("TX", "FT", "ST")), st.sampled_from(("", "1", "2"))
    ),
    max_size=10,
)


@some
@given(LINES)
def test_every_line_of_text_arrives_once_and_in_order(lines: list[tuple[str, str, str]]) -> None:
    texts = [f"regel {number:02}" for number in range(len(lines))]
    found = oru(*(obx(type_, code, text, sub=sub) for (code, type_, sub), text in zip(lines, texts, strict=True)))

    arrived = [body["valueString"].split("\n") for body in bodies(found)]
    assert sorted(text for part in arrived for text in part) == texts
    assert all(part == sorted(part) for part in arrived)


def test_a_note_stays_with_its_own_result() -> None:
    found = bodies(oru(obx("NM", WEIGHT, "61.4", "kg"), "NTE|1|L|Met schoenen", obx("NM", "8867-4^Pols^LN", "76", "/min")))

    assert sorted(str(body.get("note")) for body in found) == ["None", "[{'text': 'Met schoenen'}]"]


def test_a_result_whose_code_nobody_listed_has_a_class_that_nobody_sees() -> None:
    """What isn't in the class map is withheld, so a test that nobody judged never reaches a family."""
    [one] = oru(obx("ST", "7917-8^HIV^LN", "negatief"))

    assert one.class_ == "result/7917-8"


def test_many_results_take_one_pass() -> None:
    """Thousands of OBX of one code in one order: each its own resource, by one look at the message."""
    lines = [obx("NM", WEIGHT, f"6{number % 10}.{number}", "kg") for number in range(3000)]

    assert len({one.id for one in oru(*lines)}) == len(lines)
