"""The portal side's truth: who is linked to whom, at which level."""

from __future__ import annotations

from random import Random

from samples.ecd.chance import dice, new_uuid
from samples.ecd.names import young_name
from samples.ecd.people import ROLES, mobile
from samples.ecd.records import Link, Record, World

LEVELS = ("none", "basic", "private-medical")
_WEIGHTS = (10, 38, 52)

#: Of this many clients one shares a relation with the client before.
SHARED_EVERY = 12


def fill_links(world: World) -> None:
    """Link some relations of most clients; every twelfth client has someone who cares for the client before too."""
    for place, client in enumerate(world["clients"].all()):
        rng = dice(world.seed, "links", client["id"])
        relations = world["relations"].of_client(client["id"])
        if place % SHARED_EVERY == 1:
            _share(world, rng, relations, client)
        elif rng.random() < 0.88:
            _link_some(world, rng, relations)


def _link_some(world: World, rng: Random, relations: list[Record]) -> None:
    count = min(len(relations), rng.choices((1, 2, 3), (50, 35, 15))[0])
    for relation in relations[:count]:
        world.links.append(link(relation, rng.choices(LEVELS, _WEIGHTS)[0], f"account-{relation['id']}"))


def link(relation: Record, level: str, account: str) -> Link:
    """Make the link of a relation to its client. The trust group of a client is who may read the dossier."""
    client = str(relation["clientId"])
    group = f"vertrouwensgroep-{client}" if level == "private-medical" else None
    return Link(
        client=client,
        person=str(relation["id"]),
        level=level,
        account=account,
        trust_group=group,
        name=" ".join(part for part in (relation["firstName"], relation["prefix"], relation["lastName"]) if part),
        note=str(relation["personalRelationType"]["name"]),
    )


def _share(world: World, rng: Random, relations: list[Record], client: Record) -> None:
    """Add a niece who cares for this client and for the client before: two relation records, one account."""
    before = world["clients"].get(str(client["id"] - 1))
    if before is None:
        raise LookupError("clients are numbered without gaps")
    mine = _niece(world, rng, client)
    theirs = {**mine, "id": mine["id"] + 1, "uuid": new_uuid(rng), "clientId": before["id"]}
    world["relations"].put(mine)
    world["relations"].put(theirs)
    account = f"account-{mine['id']}"
    world.links.append(link(mine, "private-medical", account))
    world.links.append(link(theirs, rng.choices(LEVELS, _WEIGHTS)[0], account))
    world.links.append(link(relations[0], "basic", f"account-{relations[0]['id']}"))


def _niece(world: World, rng: Random, client: Record) -> Record:
    identity = 5001 + len(world["relations"])
    name = young_name(rng, "female")
    return {
        "id": identity,
        "uuid": new_uuid(rng),
        "clientId": client["id"],
        **name.fields(),
        "gender": "female",
        "dateOfBirth": None,
        "clientContactRelationType": {"code": "100001", "name": ROLES["100001"]},
        "personalRelationType": {"code": "NIECE", "name": "nicht"},
        "inCaseOfEmergency": False,
        "organization": None,
        "mobilePhone": mobile(rng),
        "telephoneNumber": None,
        "emailAddress": f"contact{identity}@voorbeeld.example",
        "comments": "Zorgt voor oom en tante.",
        "createdAt": client["createdAt"],
        "updatedAt": client["updatedAt"],
    }
