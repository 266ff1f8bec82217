"""What the sample portal asks a gateway stays what it was about, whatever somebody put into a form."""

from __future__ import annotations

import pytest

from samples.portal.errors import NotThere
from samples.portal.providers import Gateway, Provider, Wish

PAGE, ADMINISTRATOR = "4b1f7a4e-3d0d-4a57-9f64-0a0d6a3e1c11", "0d8f1f52-6d68-4b68-8a43-2a8f5a5d2f10"


@pytest.mark.parametrize("typed", ["", "..", "../../other/rights/m?administrator=a#", "a/b", "a?b", "%2e%2e", "a b"])
def test_a_value_of_a_form_never_leads_to_another_place(typed: str) -> None:
    # Nothing listens there: a question that was asked would be met by silence.
    gateway = Gateway(Provider(code="delinde", name="De Linde", url="http://127.0.0.1:1", token="t"))

    with pytest.raises(NotThere):
        gateway.remove(PAGE, ADMINISTRATOR, typed)
    with pytest.raises(NotThere):
        gateway.withdraw(PAGE, ADMINISTRATOR, typed)
    with pytest.raises(NotThere):
        gateway.save(PAGE, ADMINISTRATOR, typed, Wish(level="basic"))
