"""What a map reads, taken from its paths as they are written."""

from __future__ import annotations

import pytest

from gateway.mapping.coverage import er7_places


@pytest.mark.parametrize(
    ("written", "places"),
    [
        ("PID-5", {"PID", "PID-5"}),
        ("PID-5*.1.2", {"PID", "PID-5"}),
        ("PID-3[5=PI].1", {"PID", "PID-3"}),
        ("NTE*-3", {"NTE", "NTE-3"}),
        ("OBX[OBX-3.1 = 8480-6]-5", {"OBX", "OBX-5", "OBX-3"}),
        ("OBX*[OBX-2 in NM SN and not OBX-3.1 in 8480-6]-5.1", {"OBX", "OBX-5", "OBX-2", "OBX-3", "NM", "SN"} - {"NM", "SN"}),
        ("{PID as client_key}", {"PID"}),
        ("PV1-44 valued and not PV1-2.1 = P", {"PV1", "PV1-44", "PV1-2"}),
    ],
)
def test_every_segment_and_field_in_a_path_or_expression_is_read(written: str, places: set[str]) -> None:
    assert set(er7_places(written)) == places
