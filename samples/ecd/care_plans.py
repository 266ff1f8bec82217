"""Care plans (zorgleefplannen): a demand, a goal and actions in each domain of living, in versions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from samples.ecd.chance import dice, one
from samples.ecd.organisation import NURSES, staff
from samples.ecd.people import Profile
from samples.ecd.records import Record, World
from samples.ecd.reports import canary
from samples.ecd.times import stamp

#: Domain of living → (demand, goal, actions).
Need = tuple[str, str, tuple[str, ...]]
DOMAINS: dict[str, tuple[Need, ...]] = {
    "Woon- en leefomstandigheden": (
        ("Woonruimte en zich thuis voelen: cliënt wil in de eigen woning blijven",
         "Cliënt is tevreden over de woonsituatie",
         ("Zorgloket benaderen voor herindicatie", "Drempels nalopen met de ergotherapeut",
          "Personenalarmering elke maand testen")),
        ("Huishouden: cliënt kan het zware werk niet meer zelf", "Het huis is schoon en veilig",
         ("Wekelijks badkamer en keuken schoonmaken", "Samen de koelkast nakijken",
          "Losse kleedjes weghalen")),
        ("Veiligheid: cliënt is het afgelopen jaar gevallen", "Cliënt valt niet",
         ("Nachtverlichting in de gang controleren", "Rollator binnen handbereik zetten")),
    ),
    "Participatie": (
        ("Sociale contacten: cliënt voelt zich geregeld alleen",
         "Cliënt heeft elke week twee keer gezelschap",
         ("Met cliënt naar het koffieuurtje gaan", "Vrijwilliger zoeken voor een wandeling",
          "Bellen met de kleinkinderen inplannen")),
        ("Daginvulling: cliënt mist de tuin", "Cliënt heeft een zinvolle dag",
         ("Plantenbak op het balkon verzorgen", "Dagbesteding op dinsdag en donderdag")),
    ),
    "Lichamelijk welbevinden": (
        ("Persoonlijke verzorging: cliënt kan niet veilig alleen douchen",
         "Cliënt is verzorgd en doet zelf wat lukt",
         ("Drie keer per week helpen met douchen", "Bovenlichaam zelf laten wassen",
          "Steunkousen aan- en uittrekken")),
        ("Medicatie: cliënt vergeet medicijnen", "Cliënt neemt de medicatie op tijd in",
         ("Medicatie aanreiken en aftekenen", "Baxterrol op maandag controleren")),
        ("Voeding: cliënt is afgevallen", "Gewicht blijft boven de streefwaarde", ("Elke week wegen",
        "Tussendoortjes aanbieden", "Diëtist raadplegen bij 2 kg verlies")),
        ("Huid: cliënt heeft een wond aan het onderbeen", "De wond is binnen acht weken dicht",
         ("Wondzorg volgens wondplan", "Wekelijks een foto voor de wondverpleegkundige")),
    ),
    "Mentaal welbevinden": (
        ("Stemming: cliënt is somber sinds het overlijden van de partner",
         "Cliënt kan over het verlies praten", ("Tijd nemen voor een gesprek",
         "Herinneringsboek maken met familie")),
        ("Geheugen: cliënt raakt overzicht over de dag kwijt", "Cliënt weet wat de dag brengt",
         ("Dagplanning op het bord schrijven", "Vaste gezichten inzetten", "Rustig en kort uitleg geven")),
        ("Slapen: cliënt ligt lang wakker", "Cliënt slaapt zes uur aaneen",
         ("Middagdutje beperken tot een half uur", "Avondritueel met warme melk")),
    ),
}  # fmt: skip


def fill_care_plans(world: World, profiles: list[Profile]) -> None:
    """Add each client's active plan; some have an older version before it, some a draft beside it."""
    nurses = staff(world, NURSES)
    for profile in profiles:
        rng = dice(world.seed, "care plan", profile.client)
        begun = world.today - timedelta(days=20 + int(rng.random() * 150))
        if rng.random() < 0.4:
            older = new_plan(world, rng, profile.client, one(rng, nurses), begun - timedelta(days=180))
            world["care_plans"].put({**older, "status": "OLD", "endDate": begun.isoformat()})
        world["care_plans"].put(new_plan(world, rng, profile.client, one(rng, nurses), begun))
        if rng.random() < 0.15:
            world["care_plans"].put(_draft(new_plan(world, rng, profile.client, one(rng, nurses), world.today)))


def _draft(plan: Record) -> Record:
    entry = plan["carePlanEntries"][0]
    entry["demandEntry"]["comment"] = f"Nog bespreken met familie. {canary(plan['id'])}"
    return {**plan, "status": "DRAFT", "beginDate": None}


def new_plan(world: World, rng: Random, client: int, author: Record, begun: date) -> Record:
    """Make an active plan with one or two needs in most domains."""
    world.last_plan += 1
    moment = min(datetime.fromisoformat(f"{begun}T10:15:00+00:00") + timedelta(minutes=int(rng.random() * 300)), world.now)
    return {
        "id": world.last_plan,
        "clientId": client,
        "employeeId": author["id"],
        "status": "ACTIVE",
        "beginDate": begun.isoformat(),
        "endDate": None,
        "carePlanEntries": [_entry(world, rng, domain, need, begun) for domain, need in _needs(rng)],
        "createdAt": stamp(moment),
        "updatedAt": stamp(moment),
    }


def _needs(rng: Random) -> list[tuple[str, Need]]:
    chosen: list[tuple[str, Need]] = []
    for domain, needs in DOMAINS.items():
        count = rng.choices((0, 1, 2), (15, 60, 25))[0]
        if domain == "Lichamelijk welbevinden":
            count = max(1, count)
        chosen.extend((domain, need) for need in rng.sample(needs, count))
    return chosen


def _entry(world: World, rng: Random, domain: str, need: Need, begun: date) -> Record:
    demand, goal, actions = need
    world.last_entry += 1
    return {
        "id": world.last_entry,
        "demandEntry": {"demand": {"domain": domain, "definition": demand}, "comment": _comment(rng)},
        "goalEntry": {
            "goal": {"definition": goal},
            "title": goal,
            "comment": None,
            "targetDate": (begun + timedelta(days=60 + int(rng.random() * 120))).isoformat(),
        },
        "actionEntries": [_action(world, action) for action in actions[: 1 + int(rng.random() * len(actions))]],
        "percentageRealized": one(rng, (0, 20, 40, 60, 80)),
        "percentageTarget": 100,
    }


def _action(world: World, action: str) -> Record:
    world.last_entry += 1
    return {
        "action": {"definition": action, "instructionUrl": None},
        "title": action,
        "comment": None,
        "carePlanPersistentActionId": world.last_entry,
    }


def _comment(rng: Random) -> str | None:
    return one(rng, (None, None, "In overleg met de familie opgesteld.", "Cliënt is hier zelf erg gemotiveerd voor."))
