"""The data types of HL7 v2: what a Dutch message writes, and what FHIR must say."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from gateway.identity import IdSpace
from gateway.mapping.convert import ConvertContext, Converted, RejectRecord, RowFacts, Unmappable
from gateway.mapping.datatypes import cwe, cx, ei, hd, plain
from gateway.mapping.datatypes_text import ed, lines, st
from gateway.mapping.datatypes_values import dtm, nm, sn
from gateway.mapping.tables import CodeTable, Target, UnitTable

IDS: Final = IdSpace(namespace=UUID(int=7), hash_key=b"the tests of the data types")
AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
UNITS: Final = UnitTable({"kg": ("kg", "kg"), "mmHg": ("mm[Hg]", "mmHg"), "mm[Hg]": ("mm[Hg]", "mmHg")})
LOCAL: Final = "https://zorgsluis.example/fhir"


def table(*rows: tuple[str, str, str]) -> CodeTable:
    """Return a concept map with (source system, source code, target code) in one target system."""
    made = CodeTable("table", "table.csv", 1)
    for system, code, target in rows:
        made.targets.setdefault((system, code), []).append(Target(system="urn:target", code=target, display="", line=1))
    return made


def context(target: str = "", record: Any = None, unit: Any = None, **facts: Any) -> ConvertContext:
    """Return what a converter may know, for one row."""
    return ConvertContext(RowFacts(target=target, **facts), IDS, "caress-oost", record, None, unit)


class TestIdentifiers:
    @pytest.mark.parametrize(
        ("authority", "system"),
        [
            ("VEKTIS", "http://fhir.nl/fhir/NamingSystem/agb-z"),
            ("AGB", "http://fhir.nl/fhir/NamingSystem/agb-z"),
            ("&2.16.528.1.1007.3.1&ISO", "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers"),
            ("LAB&1.2.3.4&ISO", "urn:oid:1.2.3.4"),
            ("X&1.2.03&ISO", f"{LOCAL}/sid/caress-oost/X"),
            ("X&1.1.1.1&UUID", f"{LOCAL}/sid/caress-oost/X"),
            ("&6C1F2F0E-5A86-4F0E-9D5A-0D6A1C7E4B11&GUID", "urn:uuid:6c1f2f0e-5a86-4f0e-9d5a-0d6a1c7e4b11"),
            ("CARESS", f"{LOCAL}/sid/caress-oost/CARESS"),
            ("Zorg Oost/2", f"{LOCAL}/sid/caress-oost/Zorg%20Oost%2F2"),
            ("", f"{LOCAL}/sid/caress-oost/local"),
        ],
    )
    def test_an_authority_becomes_a_system_that_no_other_source_can_give(self, authority: str, system: str) -> None:
        assert cx(f"0012345^^^{authority}^PI", context())["system"] == system

    def test_the_namespaces_of_a_source_win(self) -> None:
        made = cx("12^^^VEKTIS", context(namespaces={"VEKTIS": "https://zorg.example/agb"}))

        assert made == {"system": "https://zorg.example/agb", "value": "12"}

    def test_leading_zeros_and_the_type_are_kept(self) -> None:
        coding = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PI"}

        assert cx("0012345^^^CARESS^PI", context()) == {
            "type": {"coding": [coding]},
            "system": f"{LOCAL}/sid/caress-oost/CARESS",
            "value": "0012345",
        }

    @pytest.mark.parametrize(
        "written",
        [
            "999911120^^^NLMINBIZA^NNNLD",
            "999911120^^^NLMINBIZA",
            "999911120^^^^NNNLD",
            "99911120^^^&2.16.840.1.113883.2.4.6.3&ISO",
            "999911121^^^NLMINBIZA^NNNLD",
            "999911120^^^^SS",
            "999911120",
            "^^^NLMINBIZA^NNNLD",
        ],
    )
    def test_a_bsn_is_never_an_identifier_also_when_it_is_wrong(self, written: str) -> None:
        assert cx(written, context()) is None

    def test_a_bsn_hidden_behind_a_namespace_of_the_source_is_none_either(self) -> None:
        named = {"GBA": "http://fhir.nl/fhir/NamingSystem/bsn"}

        assert cx("999911120^^^GBA^PI", context(namespaces=named)) is None

    def test_an_entity_identifier_is_named_after_its_application(self) -> None:
        assert ei("RAP556677^CARESS", context()) == {"system": f"{LOCAL}/sid/caress-oost/CARESS", "value": "RAP556677"}
        assert ei("7^X^1.2.3^ISO", context()) == {"system": "urn:oid:1.2.3", "value": "7"}
        assert ei("^CARESS", context()) is None

    def test_an_application_is_called_by_its_name_else_by_its_number(self) -> None:
        assert hd("CARESS^2.16.840^ISO", context()) == "CARESS"
        assert hd("^2.16.840^ISO", context()) == "2.16.840"


def coded(written: str, target: str = "CodeableConcept", **facts: Any) -> Any:
    return cwe(written, context(target, **facts))


class TestCodes:
    @pytest.mark.parametrize(
        ("name", "system"),
        [
            ("LN", "http://loinc.org"),
            ("SCT", "http://snomed.info/sct"),
            ("UCUM", "http://unitsofmeasure.org"),
            ("ATC", "http://www.whocc.no/atc"),
            ("I10", "http://hl7.org/fhir/sid/icd-10"),
            ("HL70127", "http://terminology.hl7.org/CodeSystem/v2-0127"),
            ("HL7127", "http://terminology.hl7.org/CodeSystem/v2-0127"),
            ("2.16.840.1", "urn:oid:2.16.840.1"),
            ("http://loinc.org", "http://loinc.org"),
        ],
    )
    def test_a_known_system_has_its_address_and_no_display_of_ours(self, name: str, system: str) -> None:
        assert coded(f"X1^wat de zender zegt^{name}") == {
            "coding": [{"system": system, "code": "X1"}],
            "text": "wat de zender zegt",
        }

    @pytest.mark.parametrize("name", ["L", "99ZIB"])
    def test_a_local_code_stays_within_its_source_and_keeps_its_display(self, name: str) -> None:
        coding = {"system": f"{LOCAL}/CodeSystem/caress-oost/{name}", "code": "PP", "display": "Persoonlijke verzorging"}

        assert coded(f"PP^Persoonlijke verzorging^{name}") == {"coding": [coding], "text": "Persoonlijke verzorging"}

    def test_both_codings_and_the_original_text_are_kept(self) -> None:
        made = coded("1^een^L^29463-7^Gewicht^LN^^^Gewicht vanochtend")

        assert [one["code"] for one in made["coding"]] == ["1", "29463-7"]
        assert made["text"] == "Gewicht vanochtend"

    def test_a_text_without_code_is_a_concept_with_a_text(self) -> None:
        assert coded("^Herstel na heupfractuur \\T\\ val") == {"text": "Herstel na heupfractuur & val"}
        assert coded('""^""') is None

    def test_a_concept_map_stands_instead_of_the_source(self) -> None:
        codes = table(("", "W", "widowed"))

        assert coded("W^gehuwd^HL70002", codes=codes) == {
            "coding": [{"system": "urn:target", "code": "widowed"}],
            "text": "gehuwd",
        }
        assert coded("W^gehuwd^HL70002", "code", codes=codes) == "widowed"
        assert coded("W", "Coding", codes=codes) == {"system": "urn:target", "code": "widowed"}
        assert len(coded("W^gehuwd^HL70002", codes=codes, options={"keep": True})["coding"]) == 2

    def test_the_second_coding_counts_when_the_map_doesnt_know_the_first(self) -> None:
        assert coded("9^negen^L^W^weduwe^HL70002", "code", codes=table(("", "W", "widowed"))) == "widowed"

    def test_an_unknown_code_goes_the_way_that_the_row_says(self) -> None:
        codes = table(("", "W", "widowed"))

        with pytest.raises(Unmappable):
            coded("Q", codes=codes)
        with pytest.raises(RejectRecord):
            coded("Q", codes=codes, unmapped="reject-message")
        kept = coded("Q^vraag^L", codes=codes, unmapped="keep")
        assert kept.value["coding"][0]["code"] == "Q"
        assert kept.issues[0].code == "code-unmapped"
        assert coded("Q", "code", codes=codes, unmapped="default: widowed").value == "widowed"

    def test_what_is_added_to_an_answer_is_not_in_the_next(self) -> None:
        facts = RowFacts(target="CodeableConcept")
        first = cwe("X^x^L", ConvertContext(facts, IDS, "one", None, None, None))
        first["coding"][0]["display"] = first["text"] = "changed"

        assert cwe("X^x^L", ConvertContext(facts, IDS, "one", None, None, None))["text"] == "x"
        assert cwe("X^x^L", ConvertContext(facts, IDS, "two", None, None, None))["coding"][0]["system"].split("/")[-2] == "two"

    def test_two_rows_with_other_tables_never_share_a_meaning(self) -> None:
        assert coded("W", "code", codes=table(("", "W", "widowed"))) == "widowed"
        assert coded("W", "code", codes=table(("", "W", "white"))) == "white"


class TestTexts:
    def test_escapes_are_resolved_and_lines_kept(self) -> None:
        assert (
            lines("Mevrouw zit.\\.br\\Bloeddruk \\T\\ pols~tweede regel", context())
            == "Mevrouw zit.\nBloeddruk & pols\ntweede regel"
        )
        assert lines(["een", '""', "twee"], context()) == "een\ntwee"
        assert st("rust \\E\\ stil ^ goed", context()) == "rust \\ stil ^ goed"

    def test_letters_are_normalised_and_control_characters_go(self) -> None:
        assert plain("Rene\u0301 \x07van") == "René van"
        assert plain('""') == ""

    def test_a_document_keeps_its_bytes_and_media_type(self) -> None:
        assert ed("^application^pdf^Base64^JVBERi0xLjQ=", context()) == {"contentType": "application/pdf", "data": "JVBERi0xLjQ="}
        assert ed("^AP^octet-stream^Base64^AA==", context())["contentType"] == "application/octet-stream"

    @pytest.mark.parametrize(
        "written", ["^application^pdf^Base64^", "^application^pdf^Base64^no base64!", "^text^plain^A^rapport"]
    )
    def test_content_that_cant_be_read_is_refused(self, written: str) -> None:
        with pytest.raises(Unmappable):
            ed(written, context())


def moment(written: str, target: str = "dateTime", zone: ZoneInfo | None = AMSTERDAM) -> Any:
    return dtm(written, context(target, zone=zone))


class TestTimes:
    @pytest.mark.parametrize(
        ("written", "made"),
        [
            ("20260310143005+0100", "2026-03-10T14:30:05+01:00"),
            ("20260310143005.2500-0500", "2026-03-10T14:30:05.2500-05:00"),
            ("20260310143005Z", "2026-03-10T14:30:05Z"),
            ("202603101430+0100", "2026-03-10T14:30:00+01:00"),
            ("20260310143005", "2026-03-10T14:30:05+01:00"),
            ("202607101430", "2026-07-10T14:30:00+02:00"),
            ("20260310", "2026-03-10"),
            ("20260310^D", "2026-03-10"),
            ("20260310+0100", "2026-03-10"),
            ("202603", "2026-03"),
            ("2026", "2026"),
            ("19380000", "1938"),
        ],
    )
    def test_a_time_keeps_its_precision_and_offset(self, written: str, made: str) -> None:
        assert moment(written) == made

    def test_a_birthday_is_the_day_that_is_written(self) -> None:
        assert moment("19380412000000+0200", "date") == "1938-04-12"
        assert moment("193804", "date") == "1938-04"

    def test_the_hours_in_which_the_clock_changes_are_flagged(self) -> None:
        twice, never = moment("202510260230"), moment("20250330023000")

        assert (twice.value, twice.issues[0].action) == ("2025-10-26T02:30:00+02:00", "first occurrence taken")
        assert (never.value, never.issues[0].action) == ("2025-03-30T03:30:00+02:00", "shifted by an hour")

    def test_an_hour_alone_is_flagged(self) -> None:
        made = moment("2026031014")

        assert isinstance(made, Converted)
        assert (made.value, made.issues[0].action) == ("2026-03-10T14:00:00+01:00", "minutes written as 00")

    @pytest.mark.parametrize(
        "written", ["19381341", "20260230", "2026031025", "20260310143", "morgen", "20260310143005+2500", "٢٠٢٦"]
    )
    def test_what_is_no_time_is_refused(self, written: str) -> None:
        with pytest.raises(Unmappable):
            moment(written)

    def test_a_time_without_offset_needs_a_zone(self) -> None:
        with pytest.raises(Unmappable):
            moment("202603101430", zone=None)
        assert moment("20260310", zone=None) == "2026-03-10"


def measured(written: str, unit: str | None = "kg^kilogram^UCUM", **facts: Any) -> Any:
    return nm(written, context("Quantity", unit=unit, units=UNITS, **facts))


class TestNumbers:
    @pytest.mark.parametrize("digits", ["61.4", "72.40", "148", "0.5", "+3", "-2.10"])
    def test_digits_are_kept(self, digits: str) -> None:
        assert str(measured(digits)["value"]) == digits.removeprefix("+")

    def test_a_comma_is_a_point_and_a_sign_a_comparator(self) -> None:
        assert measured("7,2")["value"] == Decimal("7.2")
        assert measured("<5") == {
            "value": 5,
            "comparator": "<",
            "unit": "kilogram",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        }

    def test_a_spelling_of_a_unit_becomes_ucum_and_its_text_stays(self) -> None:
        assert measured("120", "mmHg")["code"] == "mm[Hg]"
        assert measured("120", "mm[Hg]^millimeter kwik^UCUM")["unit"] == "millimeter kwik"

    def test_an_unknown_unit_is_text_with_a_remark(self) -> None:
        made = measured("8", "mm/uur")

        assert made.value == {"value": 8, "unit": "mm/uur"}
        assert made.issues[0].code == "unit-unknown"
        assert measured("8", None).value == {"value": 8}

    @pytest.mark.parametrize("written", ["HI", "1.2.3", "NaN", "٧", "12e5"])
    def test_what_is_no_number_is_refused(self, written: str) -> None:
        with pytest.raises(Unmappable):
            measured(written)

    def test_a_structured_number_takes_its_form(self) -> None:
        def read(written: str, target: str) -> Any:
            return sn(written, context(target, unit="kg", units=UNITS))

        kg: Mapping[str, Any] = {"unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
        assert read(">^100", "Quantity") == {"value": 100, "comparator": ">", **kg}
        assert read("^2^-^5", "Range") == {"low": {"value": 2, **kg}, "high": {"value": 5, **kg}}
        assert read("^1^:^128", "Ratio")["denominator"]["value"] == 128
        assert read("^1^:^128", "Quantity") is None
