"""Escape sequences say what they say, and what is none is left as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.er7 import parse, unescape
from tests.unit.er7.kit import message


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("geen", "geen"),
        ("\\F\\\\S\\\\T\\\\R\\\\E\\\\P\\", "|^&~\\#"),
        ("a\\.br\\b", "a\nb"),
        ("a\\.sp\\b\\.sp 2\\c\\.sp+3\\d", "a\nb\n\nc\n\n\nd"),
        ("a\\.ce\\b\\.sk 3\\c\\.in+4\\d\\.ti 2\\e\\.fi\\f\\.nf\\", "a\nb   cdef"),
        ("\\H\\let op\\N\\", "let op"),
        ("\\X41\\\\X4142\\", "AAB"),
        ("caf\\XC3A9\\ caf\\XC3\\\\XA9\\ caf\\XE9\\", "café café café"),
        ("a\\X0D\\b\\X0A\\c\\X0D0A\\d\\X0d\\\\X0a\\e\\X00\\f", "a\nb\nc\nd\nef"),
        ("\\Zabc\\x\\T\\", "\\Zabc\\x&"),
        ("\\C2842\\ \\M2424\\", "\\C2842\\ \\M2424\\"),
        ("\\E\\R\\", "\\R\\"),
        ("C:\\map \\T\\ \\\\server", "C:\\map & \\\\server"),
        ("\\X4\\ \\XZZ\\ \\t\\ \\.br \\", "\\X4\\ \\XZZ\\ \\t\\ \n"),
        ("\\.zz\\ \\", "\\.zz\\ \\"),
    ],
)
def test_escapes_are_read_as_the_standard_has_them(raw: str, plain: str) -> None:
    assert unescape(raw) == plain


def test_an_escaped_return_makes_a_new_line_and_no_new_segment() -> None:
    read = parse(message("NTE|1||a\\X0D\\PID|1").encode())
    assert [fields[0] for fields in read.segments] == ["MSH", "NTE"]
    assert unescape(read.segments[1][3]) == "a\nPID"


def test_an_escape_cannot_fill_memory() -> None:
    assert len(unescape("\\.sp 999999999\\" * 10)) == 1000


@given(st.text(st.sampled_from("|^~\\&abé \n"), max_size=30))
def test_what_was_escaped_reads_as_it_was(text: str) -> None:
    sent = "".join(
        {"|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "\\": "\\E\\", "&": "\\T\\", "\n": "\\.br\\"}.get(one, one) for one in text
    )
    assert unescape(sent) == text


@given(st.text(st.sampled_from("\\FEXZ.brsp0149+- "), max_size=40))
def test_any_text_has_a_reading(text: str) -> None:
    assert isinstance(unescape(text), str)
