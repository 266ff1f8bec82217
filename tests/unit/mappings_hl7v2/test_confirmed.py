"""A result that is final without being sent again (U of table 0085): nothing of what came before is lost, and nothing is made of it twice."""

from __future__ import annotations

from typing import Final

import pytest

from gateway.store.patch import merged
from tests.unit.mappings_hl7v2.results_messages import DIASTOLIC, REPORT, SYSTOLIC, WEIGHT, obx, oru

PRESSURE: Final = (("NM", SYSTOLIC, "135", "mm[Hg]"), ("NM", DIASTOLIC, "85", "mm[Hg]"))
MEASURED: Final = [
    (("NM", WEIGHT, "72.40", "kg"),),
    (("NM", "8302-2^Lengte^LN", "172", "cm"),),
    (("NM", "39156-5^BMI^LN", "24.1", "kg/m2"),),
    (("NM", "8867-4^Hartslag^LN", "72", "/min"),),
    (("NM", "8310-5^Temperatuur^LN", "37.2", "Cel"),),
    (("NM", "2708-6^Saturatie^LN", "96", "%"),),
    (("NM", "59408-5^Saturatie^LN", "96", "%"),),
    (("NM", "9279-1^Ademhaling^LN", "14", "/min"),),
    PRESSURE,
    (PRESSURE[0],),
    (PRESSURE[1],),
    (("ST", "85354-9^Bloeddruk^LN", "135/85", "mm[Hg]"),),
    (("ST", "55284-4^Bloeddruk^LN", "135/85", "mm[Hg]"),),
    (("NM", "72514-3^Pijn^LN", "4", "{score}"),),
    *((("NM", f"{code}^Glucose^LN", "5.1", "mmol/L"),) for code in ("14743-9", "15074-8", "14749-6")),
    *((("NM", f"{code}^Glucose^LN", "92", "mg/dL"),) for code in ("41653-7", "2339-0", "2345-7")),
    (("NM", "9108-2^Vocht in^LN", "1500", "mL"),),
    (("NM", "9262-7^Vocht uit^LN", "1400", "mL"),),
    (("TX", REPORT, "Rustige nacht.", ""), ("TX", REPORT, "Goed gegeten.", "")),
    (("NM", "718-7^Hemoglobine^LN", "8.1", "mmol/L"),),
    (("TX", "X1^Opmerking^L", "nuchter", ""),),
]


@pytest.mark.parametrize("parts", MEASURED, ids=lambda parts: parts[0][1].partition("^")[0])
def test_a_preliminary_result_that_becomes_final_without_a_value_keeps_all_but_its_status(
    parts: tuple[tuple[str, str, str, str], ...],
) -> None:
    [before] = oru(*(obx(*part, status="P") for part in parts))
    [confirmed] = oru(*(obx(type_, code, "", status="U") for type_, code, _, _ in parts))

    assert (confirmed.id, confirmed.write, confirmed.class_, confirmed.data_at) == (
        before.id,
        "patch",
        before.class_,
        before.data_at,
    )
    assert (before.body["status"], confirmed.body["status"]) == ("preliminary", "final")
    assert merged(before.body, confirmed.body) == {**before.body, "status": "final"}


@pytest.mark.parametrize(("value", "status"), [("72.4", "U"), ("72.4", "F"), ("", "F"), ("", "C"), ("", "")])
def test_any_other_result_is_what_its_message_says(value: str, status: str) -> None:
    [one] = oru(obx("NM", WEIGHT, value, "kg", status=status))

    assert one.write == "snapshot"
    assert ("valueQuantity" in one.body) is bool(value)


def test_a_text_of_which_only_the_first_line_is_empty_is_a_text() -> None:
    [one] = oru(obx("TX", REPORT, "", status="U"), obx("TX", REPORT, "Goed gegeten.", status="U"))

    assert (one.write, one.body["valueString"].strip()) == ("snapshot", "Goed gegeten.")


def test_half_a_pressure_that_is_said_again_is_not_lost() -> None:
    [one] = oru(obx("NM", SYSTOLIC, "", status="U"), obx("NM", DIASTOLIC, "80", "mm[Hg]", status="U"))

    assert one.write == "snapshot"
    assert any(part.get("valueQuantity", {}).get("value") == 80 for part in one.body["component"])


def test_a_document_that_is_confirmed_without_its_content_stays_as_it_is() -> None:
    letter = "PDF^Brief^L"
    [before] = oru(obx("ED", letter, "^application^pdf^Base64^SGFsbG8=", status="P"))
    [confirmed] = oru(obx("ED", letter, "", status="U"))

    assert (confirmed.id, before.write, confirmed.write) == (before.id, "snapshot", "ensure")
