"""Hand-made compartments for the sample portal's pages: one client, as different members receive her. All invented."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

BASE = "https://zorgsluis.example/fhir"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
Resource = dict[str, Any]

PATIENT = {"reference": "Patient/c1"}
NURSE = {"reference": "PractitionerRole/nurse"}
CARER = {"reference": "PractitionerRole/carer"}

ANNA, PIET, NIEK = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
ANNA_FOR_JAN = "00000000-0000-4000-8000-000000000011"
RIGHTS = {"anna": "private-medical", "piet": "basic", "niek": "none"}
MEMBERS = {"anna": ANNA, "piet": PIET, "niek": NIEK}

CANARY = "KANARIE"
REPORTS = [
    "Mevrouw was vanochtend vrolijk en heeft goed geslapen.\nGeholpen met douchen en aankleden. Huid ziet er gaaf uit.",
    "Steunkousen aangetrokken. Mevrouw vertelde over haar kleinkinderen die zondag komen.",
    "Heeft goed ontbeten: twee boterhammen en een kop thee. Medicatie ingenomen.",
    "Een beetje duizelig bij het opstaan. Even laten zitten, daarna ging het weer. Bloeddruk gemeten.",
    "Samen een stukje gelopen naar de brievenbus en terug. Ging goed met de rollator.",
    "’s Avonds rustig. Mevrouw keek naar het café-concert op tv en wilde laat naar bed.",
]


def labels(audience: str, confidentiality: str = "R") -> Resource:
    return {
        "security": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": confidentiality},
            {"system": f"{BASE}/CodeSystem/audience", "code": audience},
        ]
    }


DOSSIER = labels("trust-group")
CIRCLE = labels("circle", "N")


def at(day: date, hour: int, minute: int = 0) -> str:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=AMSTERDAM).isoformat()


def report(identity: str, when: str, text: str, **more: Any) -> Resource:
    title = {"url": "http://medmij.nl/fhir/StructureDefinition/ext-NursingReport.ReportTitle", "valueString": "Dagrapportage"}
    return {
        "resourceType": "Observation",
        "id": identity,
        "meta": DOSSIER,
        "extension": [title],
        "status": "final",
        "code": {"coding": [{"system": SNOMED, "code": "11591000146107"}]},
        "subject": PATIENT,
        "effectiveDateTime": when,
        "performer": [NURSE],
        "valueString": text,
    } | more


def measurement(identity: str, when: str, code: str, **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": identity,
        "meta": DOSSIER,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": PATIENT,
        "effectiveDateTime": when,
        "performer": [CARER],
    } | more


def quantity(value: float, unit: str, code: str = "") -> Resource:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code or unit}


def people() -> list[Resource]:
    return [
        {
            "resourceType": "Patient",
            "id": "c1",
            "meta": CIRCLE,
            "name": [
                {"use": "official", "text": "W.M. van der Zande-Bos", "family": "van der Zande-Bos", "given": ["W.", "M."]},
                {"use": "usual", "given": ["Willemien"]},
            ],
            "gender": "female",
            "birthDate": "1938-04-17",
            "address": [{"line": ["Molenweg 12"], "postalCode": "7141 AB", "city": "Groenlo"}],
            "telecom": [{"system": "phone", "value": "+31201234567"}],
        },
        related("anna", "Anna", "Bos", "DAU", "01", "+31612345678"),
        related("piet", "Piet", "Hendriks", "NBOR", "23", "+31687654321"),
        related("niek", "Niek", "Bos", "NEPHEW", "23", "+31611112222"),
    ]


def related(identity: str, given: str, family: str, relation: str, role: str, phone: str) -> Resource:
    return {
        "resourceType": "RelatedPerson",
        "id": identity,
        "meta": CIRCLE,
        "patient": PATIENT,
        "relationship": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": relation}]},
            {"coding": [{"system": "urn:oid:2.16.840.1.113883.2.4.3.11.22.472", "code": role}]},
        ],
        "name": [{"use": "official", "family": family, "text": f"{given} {family}"}],
        "telecom": [{"system": "phone", "value": phone}],
    }


def directory() -> list[Resource]:
    organisation = {"reference": "Organization/linde"}
    return [
        {"resourceType": "Organization", "id": "linde", "name": "Thuiszorg De Linde"},
        *(
            resource
            for identity, name, function in (
                ("nurse", "Marijke de Groot", "wijkverpleegkundige"),
                ("carer", "Sem Yilmaz", "verzorgende IG"),
            )
            for resource in (
                {"resourceType": "Practitioner", "id": identity, "name": [{"text": name, "family": name}]},
                {
                    "resourceType": "PractitionerRole",
                    "id": identity,
                    "practitioner": {"reference": f"Practitioner/{identity}"},
                    "organization": organisation,
                    "specialty": [{"text": function}],
                },
            )
        ),
    ]


def care_team(rights: dict[str, str] | None = None) -> Resource:
    return {
        "resourceType": "CareTeam",
        "id": "team",
        "meta": CIRCLE,
        "status": "active",
        "subject": PATIENT,
        "participant": [
            {
                "role": [{"coding": [{"system": f"{BASE}/CodeSystem/right", "code": right}]}],
                "member": {
                    "reference": f"RelatedPerson/{who}",
                    "identifier": {"system": f"{BASE}/NamingSystem/member", "value": MEMBERS[who]},
                },
            }
            for who, right in (rights or RIGHTS).items()
        ],
    }


def reports(today: date) -> list[Resource]:
    written = [
        report(
            f"r{number}", at(today - timedelta(days=number // 2), 18 if number % 2 else 8, 5 + number % 50), REPORTS[number % 6]
        )
        for number in range(40)
    ]
    dated = report("r-dated", (today - timedelta(days=1)).isoformat(), "Nachtdienst: geen bijzonderheden.", performer=[CARER])
    return [*written, dated, *soep(today)]


def soep(today: date) -> list[Resource]:
    lines = {
        "255362007": "Mevrouw geeft aan dat de wond minder trekt dan vorige week.",
        "260224007": "Wond onderbeen links 2,5 bij 1 cm, randen rustig, geen roodheid.",
        "129265001": "Genezing verloopt volgens verwachting.",
        "129271007": "Verband om de dag wisselen, volgende week opnieuw meten.",
    }
    parts = [
        report(f"soep-{code}", at(today - timedelta(days=1), 10), text) | {"code": {"coding": [{"system": SNOMED, "code": code}]}}
        for code, text in lines.items()
    ]
    composition = {
        "resourceType": "Composition",
        "id": "soep",
        "meta": DOSSIER,
        "status": "final",
        "type": {"coding": [{"system": SNOMED, "code": "11591000146107"}]},
        "subject": PATIENT,
        "date": at(today - timedelta(days=1), 10),
        "author": [NURSE],
        "title": "Wondzorg",
        "section": [
            {"code": {"coding": [{"system": SNOMED, "code": code}]}, "entry": [{"reference": f"Observation/soep-{code}"}]}
            for code in lines
        ],
    }
    return [*parts, composition]


def measurements(today: date) -> list[Resource]:
    days = [today - timedelta(days=7 * number) for number in range(12)]
    weights = [72.5, 72.4, 72.9, 73.1, 73.0, 73.6, 73.4, 74.0, 74.2, 74.1, 74.6, 74.9]
    pressures = [
        (142, 84),
        (138, 82),
        (145, 86),
        (151, 90),
        (147, 88),
        (139, 80),
        (144, 85),
        (148, 87),
        (141, 83),
        (137, 79),
        (143, 84),
        (146, 88),
    ]
    glucose = [6.8, 7.1, 6.4, 8.2, 7.7, 6.9]
    return [
        *(
            measurement(f"w{n}", day.isoformat(), "29463-7", valueQuantity=quantity(weights[n], "kg"))
            for n, day in enumerate(days)
        ),
        *(pressure(f"p{n}", at(day, 8, 5), *pressures[n]) for n, day in enumerate(days)),
        *(measurement(f"g{n}", at(days[n], 7, 40), "14743-9", valueQuantity=quantity(glucose[n], "mmol/L")) for n in range(6)),
        measurement(
            "g-high",
            at(today, 7, 30),
            "14743-9",
            dataAbsentReason={"coding": [{"code": "error"}]},
            note=[{"text": "Genoteerd als: HI"}],
        ),
    ]


def pressure(identity: str, when: str, over: int, under: int) -> Resource:
    parts = [
        {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": quantity(value, "mmHg", "mm[Hg]")}
        for code, value in (("8480-6", over), ("8462-4", under))
    ]
    return measurement(identity, when, "85354-9", component=parts)


def care_plan(today: date) -> list[Resource]:
    goals = [
        ("3", "Huid en wonden", "De wond aan het onderbeen is binnen zes weken dicht.", ["Verband om de dag wisselen", "Wekelijks wond meten"]),
        ("1", "Woonruimte en zich thuis voelen", "Mevrouw kan veilig zelfstandig blijven wonen.", ["Zorgloket benaderen voor herindicatie"]),
        ("4", "Stemming", "Mevrouw voelt zich minder alleen in de avond.", ["Elke avond een kort gesprek", "Dochter belt om 20 uur"]),
        ("3", "Voeding", "Mevrouw houdt een gewicht tussen 70 en 75 kg.", ["Wekelijks wegen"]),
    ]  # fmt: skip
    plan = {
        "resourceType": "CarePlan",
        "id": "plan",
        "meta": DOSSIER,
        "status": "active",
        "intent": "plan",
        "category": [{"text": "Zorgleefplan"}],
        "title": "Zorgleefplan",
        "subject": PATIENT,
        "period": {"start": (today - timedelta(days=60)).isoformat()},
        "author": {"reference": "Organization/linde"},
        "goal": [{"reference": f"Goal/goal-{number}"} for number in range(len(goals))],
    }
    return [plan, *(resource for number, goal in enumerate(goals) for resource in goal_and_actions(number, *goal))]


def goal_and_actions(number: int, domain: str, heading: str, aim: str, actions: Iterable[str]) -> list[Resource]:
    category = {"coding": [{"system": f"{BASE}/CodeSystem/zorgleefplan-domein", "code": domain}], "text": heading}
    goal = {
        "resourceType": "Goal",
        "id": f"goal-{number}",
        "meta": DOSSIER,
        "lifecycleStatus": "active",
        "category": [category],
        "description": {"text": aim},
        "subject": PATIENT,
    }
    interventions = [
        {
            "resourceType": "CarePlan",
            "id": f"action-{number}-{place}",
            "meta": DOSSIER,
            "status": "active",
            "intent": "plan",
            "category": [{"coding": [{"system": SNOMED, "code": "9632001"}]}],
            "subject": PATIENT,
            "partOf": [{"reference": "CarePlan/plan"}],
            "goal": [{"reference": f"Goal/goal-{number}"}],
            "activity": [{"detail": {"status": "in-progress", "description": action}}],
        }
        for place, action in enumerate(actions)
    ]
    return [goal, *interventions]


def appointments(today: date, *, whole: bool) -> list[Resource]:
    monday = today - timedelta(days=today.weekday())
    planned = [
        appointment(f"a{number}-{hour}", monday + timedelta(days=number), hour, discipline, whole=whole)
        for number in range(14)
        for hour, discipline in ((8, "Verzorging"), (19, "Verzorging"))
        if number % 7 < 6 or hour == 8
    ]
    nursing = [
        appointment(f"n{number}", monday + timedelta(days=number), 10, "Wijkverpleging", whole=whole) for number in (1, 3, 8, 10)
    ]
    cancelled = appointment("off", monday + timedelta(days=4), 14, "Huishoudelijke hulp", whole=whole) | {"status": "cancelled"}
    return [*planned, *nursing, cancelled]


def appointment(identity: str, day: date, hour: int, discipline: str, *, whole: bool) -> Resource:
    carer = [{"actor": CARER, "status": "accepted"}] if whole else []
    return {
        "resourceType": "Appointment",
        "id": identity,
        "meta": CIRCLE,
        "status": "booked",
        "serviceType": [{"text": discipline}],
        "start": at(day, hour),
        "end": at(day, hour, 30),
        "comment": "Tijden zijn indicatief.",
        "participant": [{"actor": PATIENT, "status": "accepted"}, *carer],
    } | ({"description": f"{discipline} aan huis"} if whole else {})


def for_the_trust_group(today: date) -> list[Resource]:
    return [
        *people(),
        care_team(),
        *directory(),
        *reports(today),
        *measurements(today),
        *care_plan(today),
        *appointments(today, whole=True),
    ]


def for_a_basic_member(today: date) -> list[Resource]:
    return [*people(), care_team(), *appointments(today, whole=False)]


def delivered_by_mistake(today: date) -> list[Resource]:
    """Return what must not be shown to a basic member, also when it is there; each holds the canary."""
    now = at(today, 9)
    organisation = {"resourceType": "Organization", "id": "stray", "name": CANARY}
    return [
        report("stray-report", now, CANARY),
        report("stray-circle-report", now, CANARY, meta=CIRCLE),
        measurement("stray-measurement", now, "29463-7", valueQuantity=quantity(1, CANARY), meta=CIRCLE),
        {"resourceType": "Goal", "id": "stray-goal", "meta": CIRCLE, "description": {"text": CANARY}},
        {"resourceType": "CarePlan", "id": "stray-plan", "meta": CIRCLE, "status": "active", "title": CANARY, "goal": []},
        appointment("stray-whole", today, 11, "Verzorging", whole=True)
        | {"description": CANARY, "participant": [{"actor": {"reference": "Organization/stray", "display": CANARY}}]},
        appointment("stray-dossier", today, 12, CANARY, whole=False) | {"meta": DOSSIER},
        appointment("stray-unlabelled", today, 13, CANARY, whole=False) | {"meta": {}},
        organisation,
    ]


def for_nobody(today: date) -> list[Resource]:
    """Return what must not be shown to anybody at a family portal; each holds the canary."""
    now = at(today, 9)
    return [
        report("v", now, CANARY, meta=labels("trust-group", "V")),
        report("provider", now, CANARY, meta=labels("provider")),
        report("unknown", now, CANARY, meta=labels("everybody")),
        report("unlabelled", now, CANARY, meta={}),
        appointment("v-appointment", today, 11, CANARY, whole=False) | {"meta": labels("circle", "V")},
    ]
