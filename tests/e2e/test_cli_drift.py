"""``verify --drift`` and ``--read-back`` over two portals, one of them down: the other has its turn, the exit code says what was left out."""

from __future__ import annotations

from dataclasses import replace

import yaml

from api.opening import open_installation
from tests.e2e import test_cli_consent
from tests.e2e.test_cli_consent import Desk

desk = test_cli_consent.desk
# Nothing listens on this port.
NOWHERE = "http://127.0.0.1:1"


def with_a_second_portal(desk: Desk) -> Desk:
    """The same desk with one more portal in use, that nobody answers for."""
    config = yaml.safe_load(desk.config.read_text())
    [organisation] = config["organisations"]
    settings = {**desk.portal.settings(), "base_url": NOWHERE}
    organisation["portals"].append({"code": "buiten", "connector": "member-fhir", "settings": settings})
    path = desk.config.with_name("two.yaml")
    path.write_text(yaml.safe_dump(config))
    # As serve does when it starts again: the commands go by what is in use.
    with open_installation(path, state=path.parent):
        return replace(desk, config=path)


def test_a_portal_that_is_down_is_named_and_costs_no_other_its_turn(desk: Desk) -> None:
    two = with_a_second_portal(desk)
    for portal in ("familie", "buiten"):
        two.say("link", "add", "1001", "50", "--portal", portal)
    assert two.run("grant", "set", "1001", "50", "basic")[0] == 1

    code, said = two.run("verify", "--drift")

    [compared, left_out] = said.splitlines()
    assert code == 1
    assert compared.startswith("familie  client")
    assert "1 members: " in compared
    assert left_out.startswith("portal buiten: not compared: transient")
    assert left_out.endswith("see that the portal is up and can be reached from here, then zorgsluis verify --drift again")


def test_reading_back_goes_on_with_the_others_too(desk: Desk) -> None:
    code, said = with_a_second_portal(desk).run("verify", "--read-back")

    holds, left_out = said.splitlines()
    assert code == 1
    assert holds == "all hold: I1 I3 I5 I6 I7 I8 I9 audit"
    assert left_out.startswith("portal buiten: not compared: transient")
    assert left_out.endswith("then zorgsluis verify --read-back again")


def test_a_broken_comparison_weighs_more_than_a_portal_that_is_down(desk: Desk) -> None:
    two = with_a_second_portal(desk)
    gateway, org = desk.installation.gateway, desk.org
    with gateway.database.transaction(org) as db:
        db.execute(
            "update disclosure_ledger set held_hash = 'x' where held_hash is not null and portal_id ="
            " (select id from portal where code = 'familie')"
        )

    assert two.run("verify", "--drift")[0] == two.run("verify", "--read-back")[0] == 4
    # What was found is mended; the other portal is still to be asked.
    assert two.run("verify", "--drift", "--repair")[0] == 1


def test_when_no_portal_can_be_asked_nothing_was_done(desk: Desk) -> None:
    two = with_a_second_portal(desk)
    desk.portal.plan("down", times=None)
    try:
        code, said = two.run("verify", "--drift")
        assert two.run("verify", "--read-back")[0] == 3
    finally:
        desk.portal.behave()

    assert code == 3
    assert [line.partition(":")[0] for line in said.splitlines()] == ["portal familie", "portal buiten"]


def test_a_command_that_looks_takes_no_changed_configuration_into_use_and_says_so(desk: Desk) -> None:
    config = yaml.safe_load(desk.config.read_text())
    config["organisations"][0]["sharing"] = {"dossier_acr": 3}
    path = desk.config.with_name("stricter.yaml")
    path.write_text(yaml.safe_dump(config))
    stricter = replace(desk, config=path)

    assert desk.say("link", "list").startswith("portal ")
    note, header, *_ = stricter.say("link", "list").splitlines()
    assert note.startswith("note: for delinde the configuration or the maps are not what is in use")
    assert header.startswith("portal ")
    assert dossier_acr(desk) != 3

    with open_installation(path, state=path.parent):
        assert dossier_acr(desk) == 3
    assert stricter.say("link", "list").startswith("portal ")


def dossier_acr(desk: Desk) -> int:
    with desk.installation.gateway.database.transaction(None) as db:
        return int(db.execute("select dossier_acr from organisation").fetchone()[0])  # type: ignore[index]
