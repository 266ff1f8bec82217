"""Names, addresses, numbers to call, and who is who: as Dutch messages write them and nl-core wants them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.mapping.convert import Converted, Unmappable
from gateway.mapping.datatypes_identity import (
    client_bsn,
    client_key,
    participant,
    pl,
    place_key,
    prior_client_key,
    xcn,
    xcn_key,
)
from gateway.mapping.datatypes_person import xad, xpn, xtn
from gateway.mapping.er7tree import Tree
from tests.unit.mapping.test_datatypes import IDS, LOCAL, context

QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
MSH = ["MSH", "|", "^~\\&", "CARESS^2.16.840.1^ISO", "ZORGGROEP"]


def name(written: str) -> Any:
    return xpn(written, context("HumanName"))


def extensions(element: dict[str, Any]) -> dict[str, str]:
    """Return what the extensions of an element say, by the last word of their url."""
    return {one["url"].rpartition("/")[2]: next(v for k, v in one.items() if k != "url") for one in element["extension"]}


class TestNames:
    def test_the_parts_of_a_family_name_are_kept_and_its_order_read(self) -> None:
        made = name("van den Berg-Jansen&van den&Berg&&Jansen^Johanna^Maria^^mevr.^^L")

        assert (made["use"], made["family"]) == ("official", "van den Berg-Jansen")
        assert made["text"] == "mevr. Johanna Maria van den Berg-Jansen"
        assert extensions(made["_family"]) == {
            "humanname-own-prefix": "van den",
            "humanname-own-name": "Berg",
            "humanname-partner-name": "Jansen",
        }
        assert extensions(made) == {"humanname-assembly-order": "NL4"}
        assert made["given"] == ["Johanna", "Maria"]
        assert [one["extension"] for one in made["_given"]] == [[{"url": QUALIFIER, "valueCode": "BR"}]] * 2
        assert made["prefix"] == ["mevr."]

    @pytest.mark.parametrize(
        ("surname", "order"),
        [
            ("Doe - Testname&&Testname&&Doe", "NL3"),
            ("van Dam&&Berg&van&Dam", "NL2"),
            ("Berg&&Berg&van&Dam", "NL1"),
            ("Berg-van Dam&&Berg&van&Dam", "NL4"),
            ("Berg geb. Dam&&Berg&van&Dam", None),
        ],
    )
    def test_the_order_is_said_only_where_the_whole_shows_it(self, surname: str, order: str | None) -> None:
        made = name(f"{surname}^Anna")

        assert (extensions(made)["humanname-assembly-order"] if order else made.get("extension")) == order

    def test_a_family_name_without_its_whole_is_put_together(self) -> None:
        assert name("&van den&Berg&de&Vries")["family"] == "van den Berg-de Vries"

    def test_a_prefix_without_its_name_is_left_out(self) -> None:
        assert "_family" not in name("Berg&van den&&&^Anna")

    def test_a_nickname_is_the_name_that_somebody_is_called_by(self) -> None:
        assert name("van den Berg^Joke^^^^^N") == {"use": "usual", "given": ["Joke"]}

    @pytest.mark.parametrize(
        ("first", "second", "given", "marks"),
        [
            ("M.", "", ["M."], ["IN"]),
            ("J.M.", "", ["J.", "M."], ["IN", "IN"]),
            ("", "AB", ["A.", "B."], ["IN", "IN"]),
            ("Anna", "AB", ["Anna", "B."], ["BR", "IN"]),
            ("Anna", "B", ["Anna", "B."], ["BR", "IN"]),
            ("Jan Willem", "", ["Jan", "Willem"], ["BR", "BR"]),
            ("PETER", "", ["PETER"], ["BR"]),
            ("Th.", "", ["Th."], ["IN"]),
        ],
    )
    def test_each_given_name_says_whether_it_is_an_initial(
        self, first: str, second: str, given: list[str], marks: list[str]
    ) -> None:
        made = name(f"Berg^{first}^{second}")

        assert made["given"] == given
        assert [one["extension"][0]["valueCode"] for one in made["_given"]] == marks

    def test_a_prefix_in_the_place_of_further_names_goes_before_the_family_name(self) -> None:
        made = name("Berg^Pieter^van den^^dhr.")

        assert made["family"] == "van den Berg"
        assert made["given"] == ["Pieter"]
        assert extensions(made["_family"]) == {"humanname-own-prefix": "van den", "humanname-own-name": "Berg"}

    def test_letters_and_apostrophes_are_kept(self) -> None:
        assert name("’s-Gravendijkwal^Zoë")["text"] == "Zoë ’s-Gravendijkwal"
        assert name('""') is None

    def test_a_letter_and_its_accent_apart_are_one_letter(self) -> None:
        assert name("Rene\u0301^Zoe\u0308")["text"] == "Zo\u00eb Ren\u00e9"


def address(written: str) -> Any:
    return xad(written, context("Address"))


class TestAddresses:
    def test_street_number_and_addition_are_parts_of_one_line(self) -> None:
        made = address("Dorpsstraat 12 a&Dorpsstraat&12^a^Apeldoorn^^7311 AB^NL^H")

        assert made["line"] == ["Dorpsstraat 12 a"]
        assert extensions(made["_line"][0]) == {
            "iso21090-ADXP-streetName": "Dorpsstraat",
            "iso21090-ADXP-houseNumber": "12",
            "iso21090-ADXP-buildingNumberSuffix": "a",
        }
        assert (made["city"], made["postalCode"], made["country"]) == ("Apeldoorn", "7311 AB", "Nederland")
        assert (made["use"], made["type"]) == ("home", "both")
        assert "state" not in made

    @pytest.mark.parametrize(
        ("written", "line"),
        [
            ("Kerkstraat 12&Kerkstraat&12^2", "Kerkstraat 12 2"),
            ("&Kerkstraat&12^bis", "Kerkstraat 12 bis"),
            ("Kerkstraat 12bis&Kerkstraat&12^bis", "Kerkstraat 12bis"),
            ("&Kerkstraat&12a", "Kerkstraat 12 a"),
            ("Stationsweg 3", "Stationsweg 3"),
            ("&Kade&7^t/o", "Kade to 7"),
        ],
    )
    def test_an_addition_stands_in_the_line_once(self, written: str, line: str) -> None:
        assert address(written)["line"] == [line]

    def test_a_post_box_is_for_post(self) -> None:
        made = address("Postbus 44^^Apeldoorn^^7300aa^NL^M")

        assert (made["type"], made["postalCode"], "use" in made) == ("postal", "7300 AA", False)

    def test_a_country_alone_is_no_address(self) -> None:
        assert address("^^^^^NL^H") is None

    @pytest.mark.parametrize(("written", "country"), [("NLD", "Nederland"), ("BE", "BE"), ("België", "België")])
    def test_a_country_is_a_code_where_it_is_known(self, written: str, country: str) -> None:
        assert address(f"Markt 1^^Gent^^9000^{written}")["country"] == country


def telecom(written: str, **options: str) -> Any:
    return xtn(written, context("ContactPoint", options=options))


class TestTelecom:
    @pytest.mark.parametrize(
        ("written", "value", "use", "mobile"),
        [
            ("+31 55 512 34 56^PRN^PH", "+31555123456", "home", False),
            ("0612345678^PRN^CP", "+31612345678", "home", True),
            ("(055) 512-34-56^WPN^PH", "+31555123456", "work", False),
            ("0031 (0)6 12345678^ORN^CP", "+31612345678", None, True),
            ("0612345678", "+31612345678", None, True),
            ("tst 12^PRN^PH", "tst 12", "home", False),
            ("+32 475 12 34 56^ORN^CP", "+32 475 12 34 56", None, True),
            ("^PRN^PH^^31^55^5123456", "+31555123456", "home", False),
        ],
    )
    def test_a_dutch_number_is_written_as_the_world_does(self, written: str, value: str, use: str | None, mobile: bool) -> None:
        made = telecom(written)

        assert (made["system"], made["value"], made.get("use"), "_system" in made) == ("phone", value, use, mobile)

    def test_a_mail_address_is_one(self) -> None:
        made = {"system": "email", "value": "joke@example.org"}

        assert telecom("joke@example.org^NET^Internet^joke@example.org") == made
        assert telecom("^^^joke@example.org") == made
        with pytest.raises(Unmappable):
            telecom("joke at example^NET^Internet")

    def test_the_use_of_the_field_counts_when_the_sender_says_none(self) -> None:
        assert telecom("0555123456", use="work")["use"] == "work"
        assert telecom("0555123456^PRN", use="work")["use"] == "home"

    def test_a_fax_stays_a_fax(self) -> None:
        assert telecom("055-5123456^WPN^FX") == {"system": "fax", "value": "055-5123456", "use": "work"}


def tree(*segments: str) -> Tree:
    """Return a message with these segments after its MSH."""
    return Tree([MSH, *(segment.split("|") for segment in segments)])


def key(pid: str) -> str | None:
    found = tree(f"PID|1|{pid}")
    made: str | None = client_key(found.nodes["PID"][0].f, context(record=found))
    return made


BY_BSN = "bsn-" + IDS.keyed_hash("999911120").hex()[:32]


class TestClients:
    @pytest.mark.parametrize(
        ("pid", "expected"),
        [
            ("|999911120^^^NLMINBIZA^NNNLD~0012345^^^CARESS^PI", "0012345"),
            ("|0012345^^^CARESS^PI~999911120^^^NLMINBIZA^NNNLD", "0012345"),
            ("|98^^^ZIEKENHUIS^PI~0012345^^^CARESS^MR", "0012345"),
            ("|0012345", "0012345"),
            ("|999911120", BY_BSN),
            ("|999911121", "999911121"),
            ("|0012345^^^&2.16.840.1&ISO^PI", "0012345"),
            ("|98^^^ZIEKENHUIS^PI", "ZIEKENHUIS|98"),
            ("|999911120^^^NLMINBIZA^NNNLD", BY_BSN),
            ("|99911120^^^NLMINBIZA^NNNLD", None),
            ("|999911120^^^NLMINBIZA^NNNLD~V77^^^CARESS^VN", BY_BSN),
            ("|V77^^^CARESS^VN", "V77"),
            ("|||||||||||||||||999911120", BY_BSN),
            ("0012345|", "0012345"),
            ("|^^^NLMINBIZA^NNNLD", None),
            ("|A\\S\\b-7^^^CARESS^PI", "A^b-7"),
        ],
    )
    def test_a_client_has_one_key_whatever_else_the_list_holds(self, pid: str, expected: str | None) -> None:
        assert key(pid) == expected

    def test_the_same_number_of_two_authorities_is_two_clients(self) -> None:
        assert key("|12^^^NOORD^PI") != key("|12^^^ZUID^PI")

    def test_a_source_may_name_its_own_authority(self) -> None:
        found = tree("PID|1||98^^^ZIEKENHUIS^PI")

        assert client_key(found.nodes["PID"][0].f, context(record=found, namespaces={"own": "ZIEKENHUIS"})) == "98"

    def test_a_merge_names_the_client_that_was(self) -> None:
        found = tree("PID|1||2^^^CARESS^PI", "MRG|1^^^CARESS^PI")

        assert prior_client_key(found.nodes["MRG"][0].f, context(record=found)) == "1"

    def test_a_merge_of_a_client_with_itself_is_none(self) -> None:
        found = tree("PID|1||1^^^CARESS^PI~999911120^^^NLMINBIZA^NNNLD", "MRG|1^^^CARESS^PI~999990019^^^NLMINBIZA^NNNLD")

        with pytest.raises(Unmappable):
            prior_client_key(found.nodes["MRG"][0].f, context(record=found))


def bsn(pid: str) -> Any:
    found = tree(f"PID|1|{pid}")
    made = client_bsn(found.nodes["PID"][0].f, context("secret", record=found))
    return made.value if isinstance(made, Converted) else made


class TestBsn:
    @pytest.mark.parametrize(
        "pid",
        [
            "|999911120^^^NLMINBIZA^NNNLD",
            "|0012345^^^CARESS^PI~999911120^^^NLMINBIZA^NNNLD",
            "|0012345^^^CARESS^PI~999911120^^^^NNNLD",
            "|12^^^CARESS^PI~999911120^^^&2.16.840.1.113883.2.4.6.3&ISO",
            "999911120|12^^^CARESS^PI",
            "|12^^^CARESS^PI||||||||||||||||999911120",
        ],
    )
    def test_it_is_found_in_every_place_that_senders_use(self, pid: str) -> None:
        assert bsn(pid) == "999911120"

    def test_a_lost_leading_zero_is_put_back(self) -> None:
        assert bsn("|10000008^^^NLMINBIZA^NNNLD") == "010000008"

    @pytest.mark.parametrize("pid", ["|12^^^CARESS^PI", "99991112|12^^^CARESS^PI", "|999911120^^^CARESS^PI"])
    def test_another_number_is_never_taken_for_one(self, pid: str) -> None:
        assert bsn(pid) is None

    @pytest.mark.parametrize("pid", ["|999911121^^^NLMINBIZA^NNNLD", "|999911120^^^NLMINBIZA^NNNLD~999990019^^^NLMINBIZA^NNNLD"])
    def test_a_wrong_one_or_two_different_ones_are_refused(self, pid: str) -> None:
        with pytest.raises(Unmappable):
            bsn(pid)


class TestProfessionals:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("01004567^Visser^A.^^^dr.^^^VEKTIS&2.16.528.1.1007.3.1&ISO", "01004567"),
            ("01004567^Visser^A.", "01004567"),
            ("4711^Bakker^^^^^^^CARESS", "4711"),
            ("4711^Bakker^^^^^^^LAB", "LAB|4711"),
            ("^Bakker^M.", None),
        ],
    )
    def test_a_professional_has_one_key_with_and_without_authority(self, written: str, expected: str | None) -> None:
        assert xcn_key(written, context(record=tree())) == expected

    def test_the_number_and_name_are_those_of_the_register(self) -> None:
        written = "01004567^Visser^A.^^^dr.^^^VEKTIS"

        assert xcn(written, context("Identifier")) == {"system": "http://fhir.nl/fhir/NamingSystem/agb-z", "value": "01004567"}
        assert xcn("7^Visser", context("Identifier")) == {"system": f"{LOCAL}/sid/caress-oost/professional", "value": "7"}
        assert xcn(written, context("HumanName"))["text"] == "dr. A. Visser"
        assert xcn(written, context("string", record=tree())) == "dr. A. Visser"

    def test_a_reference_goes_to_the_role_and_shows_the_name(self) -> None:
        made = xcn("7^Visser^A.", context("Reference", record=tree()))

        assert made == {
            "reference": f"PractitionerRole/{IDS.resource_id('caress-oost', 'PractitionerRole', 'professional/7')}",
            "display": "A. Visser",
        }
        assert xcn("^Visser^A.", context("Reference", record=tree())) == {"display": "A. Visser"}
        assert (
            participant("^Visser", context("BackboneElement", record=tree(), options={"type": "ATND"}))["type"][0]["coding"][0][
                "code"
            ]
            == "ATND"
        )


class TestPlaces:
    def test_a_bed_is_known_by_its_whole_path(self) -> None:
        written = "PG2^204^1^DE LINDE&1.2.3&ISO^^^^^^^D204-1"

        assert place_key(written, context(record=tree())) == "DE LINDE|PG2|204|1"
        assert pl(written, context("string", record=tree())) == "PG2 / 204 / 1"
        assert pl(written, context("Identifier", record=tree())) == {
            "system": f"{LOCAL}/sid/caress-oost/location",
            "value": "DE LINDE|PG2|204|1",
        }
        assert place_key("^^^", context(record=tree())) is None
        assert pl("^^^DE LINDE", context("string", record=tree())) == "DE LINDE"
