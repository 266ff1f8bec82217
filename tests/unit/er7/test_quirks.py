"""What real senders send, quirk by quirk: charsets, line ends, separators, and that nothing of the text is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.er7 import NotHL7, parse, unescape
from tests.unit.er7.kit import PID, PV1, SEGMENTS, lines, message, msh

NAME = "PID|1||1||Daniëls^Zoë"
EURO = "NTE|1||kost €5 – echt"


def notes(data: bytes, charset: str | None = None) -> list[tuple[str, int | None]]:
    return [(note.code, note.segment) for note in parse(data, charset).notes]


# Character sets


@pytest.mark.parametrize("declared", ["", "UNICODE UTF-8", "UTF-8~UNICODE", "utf8"])
def test_utf8_is_read_as_such_and_needs_no_note_when_nothing_else_is_declared(declared: str) -> None:
    read = parse(message(NAME, charset=declared).encode())
    assert (read.segments[1][5], read.notes, read.charset_used) == ("Daniëls^Zoë", (), "utf-8")
    assert read.charset_declared == (declared or None)


@pytest.mark.parametrize("declared", ["8859/1", "8859/15", "ASCII", "wat dan ook"])
def test_utf8_wins_over_another_declaration_with_a_note(declared: str) -> None:
    read = parse(message(NAME, charset=declared).encode())
    assert read.segments[1][5] == "Daniëls^Zoë"
    assert (read.charset_declared, read.charset_used) == (declared, "utf-8")
    assert [note.code for note in read.notes] == ["charset"]


@pytest.mark.parametrize(
    ("declared", "codec", "used"),
    [("8859/1", "latin-1", "iso8859-1"), ("8859/15", "iso8859-15", "iso8859-15"), ("8859/2", "iso8859-2", "iso8859-2")],
)
def test_a_declared_one_byte_set_is_used_when_the_bytes_are_no_utf8(declared: str, codec: str, used: str) -> None:
    read = parse(message(NAME, charset=declared).encode(codec))
    assert (read.segments[1][5], read.charset_used, read.notes) == ("Daniëls^Zoë", used, ())


def test_8859_15_has_the_euro_where_8859_1_has_the_currency_sign() -> None:
    assert parse(message("NTE|1||\xa4", charset="8859/15").encode("latin-1")).segments[1][3] == "€"
    assert parse(message("NTE|1||\xa4", charset="8859/1").encode("latin-1")).segments[1][3] == "\xa4"


def test_8859_1_with_bytes_of_windows_is_windows_with_a_note() -> None:
    read = parse(message(EURO, charset="8859/1").encode("cp1252"))
    assert (read.segments[1][3], read.charset_used) == ("kost €5 – echt", "cp1252")
    assert [note.code for note in read.notes] == ["charset"]


def test_bytes_that_windows_leaves_open_stay_and_stop_nothing() -> None:
    read = parse(message("NTE|1||a?b").encode().replace(b"?", b"\x81\xe9"))
    assert read.segments[1][3] == "a\x81éb"


@pytest.mark.parametrize("declared", ["", "ASCII", "UNICODE UTF-8", "ISO IR87", "!"])
def test_what_is_neither_utf8_nor_declared_is_windows_with_a_note(declared: str) -> None:
    read = parse(message(NAME, charset=declared).encode("cp1252"))
    assert (read.segments[1][5], read.charset_used) == ("Daniëls^Zoë", "cp1252")
    assert [note.code for note in read.notes] == ["charset"]


def test_the_sources_own_character_set_counts_when_msh_18_is_empty() -> None:
    data = message("NTE|1||\xa4").encode("latin-1")
    assert parse(data, "8859/15").segments[1][3] == "€"
    assert parse(data, "8859/15").charset_declared is None
    assert parse(message("NTE|1||\xa4", charset="8859/1").encode("latin-1"), "8859/15").segments[1][3] == "\xa4"


def test_one_broken_byte_in_utf8_leaves_the_other_diacritics_alone() -> None:
    data = message("PID|1||1||Daniëls^Zoë^René^André?").encode().replace(b"?", b"\xe9")
    read = parse(data)
    assert (read.segments[1][5], read.charset_used) == ("Daniëls^Zoë^René^Andréé", "utf-8")
    assert [note.code for note in read.notes] == ["charset"]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_and_marked_text_is_read_whatever_is_declared(codec: str) -> None:
    read = parse(message(NAME, "NTE|1||李😀", charset="8859/1").encode(codec))
    assert [fields[-1] for fields in read.segments[1:]] == ["Daniëls^Zoë", "李😀"]
    assert read.notes == ()


def test_half_a_character_at_the_end_of_wide_text_is_noted() -> None:
    assert ("charset", None) in notes(message(NAME).encode("utf-16") + b"x")


def test_nul_is_left_out_with_a_note() -> None:
    read = parse(message(NAME).replace("Zoë", "Z\0oë\0").encode())
    assert read.segments[1][5] == "Daniëls^Zoë"
    assert [note.code for note in read.notes] == ["structure"]


@pytest.mark.parametrize("name", ["UNICODE UTF-8", "8859/1", "8859/0", "8859/12", "8859/99", "\xa0", "é", "~", "^"])
def test_no_declaration_stops_the_reading(name: str) -> None:
    assert parse(message(NAME, charset=name).encode("cp1252")).segments[1][5] == "Daniëls^Zoë"


# Line ends


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\r", "\r\n\r\n", "\n\n"])
def test_every_line_end_divides_the_same_segments(end: str) -> None:
    read = parse(message(PID, "NTE|1||a", PV1, end=end).encode())
    assert lines(read.segments) == [msh(), PID, "NTE|1||a", PV1]
    assert read.notes == ()


def test_the_last_segment_needs_no_line_end() -> None:
    assert lines(parse(message(PID, PV1).rstrip().encode()).segments) == [msh(), PID, PV1]


def test_a_line_feed_in_a_field_is_text_when_a_return_ends_the_segments() -> None:
    read = parse(message("OBX|1|TX|a||een\ntwee\n\ndrie||||||F", PV1).encode())
    assert read.segments[1][5] == "een\ntwee\n\ndrie"
    assert [fields[0] for fields in read.segments] == ["MSH", "OBX", "PV1"]


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_a_segment_pasted_into_a_text_never_becomes_a_segment_but_is_noted(end: str) -> None:
    read = parse(message("NTE|1||kopie:\nPID|1||999", PV1, end=end).encode())
    assert [fields[0] for fields in read.segments] == ["MSH", "NTE", "PV1"]
    assert read.segments[1][3:] == ["kopie:\nPID", "1", "", "999"]
    assert [(note.code, note.segment) for note in read.notes] == [("structure", 1)]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_line_end_inside_a_report_loses_none_of_its_text(end: str) -> None:
    read = parse(message(f"OBX|1|TX|a||een{end}twee, drie{end}vier||||||F", PV1, end=end).encode())
    assert (read.segments[1][5], read.segments[1][11]) == ("een\ntwee, drie\nvier", "F")
    assert [fields[0] for fields in read.segments] == ["MSH", "OBX", "PV1"]
    assert {note.code for note in read.notes} == {"structure"}


def test_a_line_without_a_name_after_another_segment_stays_on_its_own_and_its_text_is_no_name() -> None:
    read = parse(message(PID, "losse regel|x", PV1).encode())
    assert [fields[0] for fields in read.segments] == ["MSH", "PID", "???", "PV1"]
    assert [(note.code, note.segment) for note in read.notes] == [("structure", 2)]


def test_a_loose_line_after_a_complete_result_does_not_touch_it() -> None:
    read = parse(message("OBX|1|NM|a||7,2||||||F", "-- einde --").encode())
    assert (read.segments[1][11], read.segments[2]) == ("F", ["???"])


def test_the_notes_of_a_message_stay_few() -> None:
    read = parse(message(PID, *["losse regel"] * 1000).encode())
    assert (len(read.segments), len(read.notes)) == (1002, 21)


def test_indented_segments_and_blank_lines_are_read() -> None:
    read = parse(("\r\n  " + message(PID, PV1, end="\n  \n  ")).encode())
    assert [fields[0] for fields in read.segments] == ["MSH", "PID", "PV1"]


def test_a_frame_around_a_message_is_no_part_of_it() -> None:
    read = parse(b"\x0b" + message(PID, PV1).encode() + b"\x1c\r")
    assert (lines(read.segments), read.notes) == ([msh(), PID, PV1], ())


# MSH-1 and MSH-2


@pytest.mark.parametrize("declared", ["^~\\&", "^~\\&#"])
def test_the_usual_encoding_characters_need_no_note(declared: str) -> None:
    read = parse(message(PID).replace("^~\\&", declared, 1).encode())
    assert (read.segments[0][1], read.segments[0][2], read.segments[0][9], read.notes) == ("|", "^~\\&", "ADT^A08^ADT_A01", ())


@pytest.mark.parametrize("declared", ["^~\\\\&", "^_\\&", "^~\\", "^~", "^", ""])
def test_a_miswritten_msh_2_means_the_usual_with_a_note(declared: str) -> None:
    read = parse(message("PID|1||a~b^c&d||x_y\\T\\z").replace("^~\\&", declared, 1).encode())
    assert read.segments[0][1:4] == ["|", "^~\\&", "ECD"]
    assert read.segments[1][3:] == ["a~b^c&d", "", "x_y\\T\\z"]
    assert [(note.code, note.segment) for note in read.notes] == [("structure", 0)]


def test_escapes_that_were_escaped_once_too_often_are_read_as_meant() -> None:
    read = parse(message("NTE|1||a\\\\.br\\\\b\\\\T\\\\c \\\\server\\\\map").replace("^~\\&", "^~\\\\&", 1).encode())
    assert read.segments[1][3] == "a\\.br\\b\\T\\c \\\\server\\\\map"


@pytest.mark.parametrize("mine", ["$%@!?", "*:+;<", "#^~\\&", "|^~@&", "^|~\\&", "\x1f\x1e\x1d\x1c\x1b"])
def test_other_separators_become_the_usual_ones(mine: str) -> None:
    theirs = message("PID|1||a^b&c~d", "PV1").translate(str.maketrans("|^~\\&", mine))
    assert lines(parse(theirs.encode()).segments) == [msh(), "PID|1||a^b&c~d", "PV1"]


def test_a_usual_separator_that_is_text_under_other_separators_becomes_its_escape() -> None:
    text = "MSH$%@!?$ECD$$$$$$ADT%A08$1$P$2.5\rNTE$1$$a|b^c~d\\e&f!F!g!S!h!R!i!T!j!E!k!.br!l!X41!"
    assert parse(text.encode()).segments[1][3] == "a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f$g%h@i?j!k\\.br\\l\\X41\\"


@pytest.mark.parametrize(
    "start",
    ["MSH", "MSHX^~\\&|", "MSH1^~\\&|", "MSH ^~\\&|", "msh|^~\\&|", "XMSH|^~\\&|", "MSH|ECD|HUIS", "MSH|^^^^|", "MSH\r", ""],
)
def test_without_a_readable_msh_there_is_no_message(start: str) -> None:
    with pytest.raises(NotHL7):
        parse(f"{start}\rPID|1".encode())


def test_the_reason_quotes_nothing_of_the_message() -> None:
    with pytest.raises(NotHL7) as refused:
        parse(b"MSH|Geheim|Jansen\rPID|1||999911120")
    assert not any(word in str(refused.value) for word in ("Geheim", "Jansen", "999911120"))


def test_text_before_the_header_is_passed_over_with_a_note() -> None:
    read = parse(b"Onderwerp: uw bericht\r\n" + message(PID).encode())
    assert (lines(read.segments), [note.code for note in read.notes]) == ([msh(), PID], ["structure"])


# Segments and fields


def test_unknown_and_z_segments_and_extra_fields_are_kept() -> None:
    read = parse(message(PID, "Z03|AZLD", "XYZ|1" + "|x" * 200).encode())
    assert (read.segments[2], len(read.segments[3]), read.notes) == (["Z03", "AZLD"], 202, ())


def test_a_field_is_found_by_its_number_in_headers_too() -> None:
    read = parse(message("BHS|^~\\&|A|B", "PID|1|2|3").encode())
    assert (read.segments[0][9], read.segments[1][3], read.segments[2][3]) == ("ADT^A08^ADT_A01", "A", "3")


@given(SEGMENTS, st.sampled_from(["\r", "\r\n", "\n", "\n\r"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]))
def test_any_fields_come_out_as_they_went_in(segments: list[list[str]], end: str, codec: str) -> None:
    text = end.join([msh(), *("|".join(fields) for fields in segments)])
    assert parse(text.encode(codec)).segments[1:] == segments


COMPONENTS = st.lists(st.text(st.sampled_from("ab |^~\\&$%@!?#_é"), max_size=12), min_size=1, max_size=4)


@given(st.lists(COMPONENTS, min_size=1, max_size=4), st.permutations("|^~\\&$%@!?").map(lambda order: "".join(order[:5])))
def test_a_text_reads_the_same_whichever_separators_it_was_sent_with(fields: list[list[str]], mine: str) -> None:
    escaped = {one: f"{mine[3]}{letter}{mine[3]}" for one, letter in zip(mine, "FSRET", strict=True)}
    sent = mine[0].join(mine[1].join("".join(escaped.get(one, one) for one in text) for text in field) for field in fields)
    header = msh().translate(str.maketrans("|^~\\&", mine))
    read = parse(f"{header}\rNTE{mine[0]}{sent}\r".encode()).segments[1][1:]
    assert [[unescape(text) for text in field.split("^")] for field in read] == fields
