"""Codes of letters, as people type them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.codes import ALPHABET, LENGTH, as_read

CODES = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)
LOOKS_LIKE = {"0": "0Oo", "1": "1IiLl"}


@st.composite
def typed(draw: st.DrawFn, code: str) -> str:
    """A code with letters for the digits that look like them, in any case, with dashes and spaces anywhere."""
    return "".join(
        draw(st.sampled_from(LOOKS_LIKE.get(sign, sign + sign.lower()))) + draw(st.sampled_from(["", "-", " "])) for sign in code
    )


@given(st.data(), CODES)
def test_a_code_is_read_as_it_was_meant_however_it_is_typed(data: st.DataObject, code: str) -> None:
    assert as_read(data.draw(typed(code))) == code


@given(CODES, CODES)
def test_two_codes_are_never_read_as_one(one: str, other: str) -> None:
    assert (as_read(one) == as_read(other)) == (one == other)


def test_a_code_has_fifty_bits_and_no_sign_that_is_misread() -> None:
    assert len(ALPHABET) ** LENGTH == 2**50
    assert not set(ALPHABET) & set("ILOU")
