"""Reports and documents that come as MDM: what an edit, an addendum, a replacement and a cancellation do."""

from __future__ import annotations

import base64
import hashlib

import pytest

from gateway.model import Mapped
from tests.unit.mappings_hl7v2.results_messages import CLIENT, made, mapped, txa

PDF = base64.b64encode(b"%PDF-1.4 fictief").decode()
TEXT = "OBX|1|TX|34109-9^Rapportage^LN||{}||||||F"
FILE = f"OBX|1|ED|BRIEF^Brief^L||^application^pdf^Base64^{PDF}||||||F"


def mdm(trigger: str, header: str, *lines: str) -> list[Mapped]:
    """Return the reports and documents of a message."""
    return made(mapped(f"MDM^{trigger}", f"EVN|{trigger}|20260310", CLIENT, header, *lines))


def ids(some: list[Mapped]) -> dict[tuple[str, str], Mapped]:
    """Return resources by type and id."""
    return {(one.type, one.id): one for one in some}


def test_an_edit_replaces_what_it_edits() -> None:
    [first] = mdm("T02", txa(), TEXT.format("Rustige nacht"))
    [edit] = mdm("T08", txa(), TEXT.format("Onrustige nacht"))

    assert first.id == edit.id
    assert edit.body["valueString"] == "Onrustige nacht"


@pytest.mark.parametrize("said", ["V", "R", "r", "VERTROUWELIJK", "^Restricted", "U~R"])
def test_anything_but_the_usual_confidentiality_stays_inside(said: str) -> None:
    some = mdm("T02", txa(restricted=said), TEXT.format("Rustige nacht"))

    assert {"Observation"} <= {one.type for one in some}
    assert all({"V", "confidential"} <= one.labels for one in some)


@pytest.mark.parametrize("said", ["", "U", "U^Usual control", "u"])
def test_the_usual_confidentiality_is_no_secret(said: str) -> None:
    [report] = mdm("T02", txa(restricted=said), TEXT.format("Rustige nacht"))

    assert not report.labels


def test_a_restriction_that_comes_with_a_file_holds_the_text_that_was_sent_before_too() -> None:
    [text] = mdm("T02", txa(), TEXT.format("Rustige nacht"))

    closed = ids(mdm("T08", txa(restricted="R"), FILE))

    assert {"V", "confidential"} <= closed["Observation", text.id].labels


def test_an_addendum_stands_beside_its_parent_and_names_it() -> None:
    [first] = mdm("T02", txa(), TEXT.format("Rustige nacht"))
    [more] = mdm("T06", txa("RAP2^CARESS", parent="RAP1^CARESS"), TEXT.format("Om vier uur wakker"))

    assert more.id != first.id
    assert more.body["derivedFrom"][0]["identifier"]["value"] == "RAP1"


@pytest.mark.parametrize("line", [TEXT.format("Beter"), FILE])
def test_a_replacement_takes_its_parent_back_whatever_form_that_had(line: str) -> None:
    old = ids([*mdm("T02", txa(), TEXT.format("Fout")), *mdm("T02", txa(), FILE)])
    new = ids(mdm("T10", txa("RAP2^CARESS", parent="RAP1^CARESS"), line))

    assert len(new) == 3
    assert {key for key, one in new.items() if one.withdrawn} == old.keys()


def test_a_replacement_under_its_own_number_takes_nothing_back() -> None:
    [first] = mdm("T02", txa(), TEXT.format("Fout"))
    [second] = mdm("T10", txa(parent="RAP1^CARESS"), TEXT.format("Beter"))

    assert (second.id, second.withdrawn) == (first.id, False)


@pytest.mark.parametrize(("trigger", "available"), [("T11", "AV"), ("T11", "CA"), ("T08", "CA")])
def test_a_cancellation_takes_back_text_and_file(trigger: str, available: str) -> None:
    old = ids([*mdm("T02", txa(), TEXT.format("Fout")), *mdm("T02", txa(), FILE)])
    gone = ids(mdm(trigger, txa(available=available)))

    assert gone.keys() == old.keys()
    assert all(one.withdrawn and one.body["status"] == "entered-in-error" for one in gone.values())


@pytest.mark.parametrize(
    ("restricted", "available", "labels"),
    [("R", "AV", {"V", "confidential"}), ("V", "AV", {"V", "confidential"}), ("U", "UN", {"hidden"})],
)
@pytest.mark.parametrize("lines", [(TEXT.format("Tekst"),), (FILE,), ()])
def test_what_is_restricted_or_not_available_never_leaves(
    restricted: str, available: str, labels: set[str], lines: tuple[str, ...]
) -> None:
    found = mdm("T02", txa(restricted=restricted, available=available), *lines)

    assert found
    assert all(labels <= one.labels for one in found)


def test_an_announcement_never_changes_what_came_with_its_content() -> None:
    [announced] = mdm("T01", txa())
    [sent] = mdm("T02", txa(), FILE)

    assert (announced.type, announced.id, announced.write) == ("DocumentReference", sent.id, "ensure")


def test_the_bytes_of_a_file_arrive_with_their_size_and_hash() -> None:
    [one] = mdm("T02", txa(), FILE)

    attachment = one.body["content"][0]["attachment"]
    data = base64.b64decode(attachment["data"])
    assert (data, attachment["contentType"], attachment["size"]) == (b"%PDF-1.4 fictief", "application/pdf", len(data))
    assert attachment["hash"] == base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def test_content_that_cannot_be_read_leaves_the_document_known() -> None:
    [one] = mdm("T02", txa(), FILE.replace(PDF, "geen base64"))

    assert one.body["content"] == [{"attachment": {"contentType": "application/pdf", "title": "Brief"}}]


def test_text_keeps_its_lines_escapes_and_diacritics() -> None:
    [one] = mdm("T02", txa(), TEXT.format("Geïrriteerd\\.br\\huid \\T\\ 39,5 °C"), TEXT.format(""), TEXT.format("twee~drie"))

    assert one.body["valueString"] == "Geïrriteerd\nhuid & 39,5 °C\n\ntwee\ndrie"


def test_the_same_document_number_of_another_client_is_another_document() -> None:
    [one] = mdm("T02", txa(), TEXT.format("Tekst"))
    [other] = made(mapped("MDM^T02", "PID|1||99^^^CARESS^PI||Jansen", txa(), TEXT.format("Tekst")))

    assert one.id != other.id
