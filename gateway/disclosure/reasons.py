"""The closed list of reasons why a member sees, or does not see, something: the first that holds, in this order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Code = Literal[
    "grant",
    "not-linked",
    "client-stop",
    "resource-withdrawn",
    "marked-confidential",
    "hidden",
    "third-party-info",
    "class-unmapped",
    "unlabelled",
    "not-in-audience",
    "excluded",
    "from-this-portal",
    "representation-missing",
    "age-gate",
    "no-grant",
    "grant-suspended",
    "grant-outside-period",
    "before-data-period",
    "class-not-in-grant",
    "level-too-low",
    "step-up-missing",
]
CODES: Final[tuple[Code, ...]] = get_args(Code)

# Of several grants the one that comes furthest along this row is the reason; one that passes them all permits.
LADDER: Final[tuple[Code, ...]] = (
    "no-grant",
    "grant-suspended",
    "grant-outside-period",
    "before-data-period",
    "class-not-in-grant",
    "level-too-low",
    "step-up-missing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A reason in the two languages that we speak."""

    nl: str
    en: str


SENTENCES: Final[dict[str, Sentence]] = {
    "grant": Sentence(
        nl="Deze persoon ziet dit: de toestemming dekt het.",
        en="This person sees this: the permission covers it.",
    ),
    "not-linked": Sentence(
        nl="Deze persoon ziet dit niet: er is geen actieve koppeling tussen deze persoon en de cliënt bij dit portaal.",
        en="This person does not see this: there is no active link between this person and the client at this portal.",
    ),
    "client-stop": Sentence(
        nl="Niemand ziet dit: het delen is voor deze cliënt stopgezet.",
        en="Nobody sees this: sharing has been stopped for this client.",
    ),
    "resource-withdrawn": Sentence(
        nl="Niemand ziet dit: de zorgaanbieder heeft het ingetrokken of verwijderd.",
        en="Nobody sees this: the care provider has withdrawn or deleted it.",
    ),
    "marked-confidential": Sentence(
        nl="Geen enkele naaste ziet dit: het is als vertrouwelijk gemarkeerd en verlaat de zorgaanbieder nooit.",
        en="No relative sees this: it is marked confidential and never leaves the care provider.",
    ),
    "hidden": Sentence(
        nl="Geen enkele naaste ziet dit: de zorgaanbieder heeft het verborgen.",
        en="No relative sees this: the care provider has hidden it.",
    ),
    "third-party-info": Sentence(
        nl="Geen enkele naaste ziet dit: het gaat over een ander dan de cliënt.",
        en="No relative sees this: it is about somebody other than the client.",
    ),
    "class-unmapped": Sentence(
        nl="Niemand ziet dit: voor deze soort gegevens is nog niet vastgelegd wie ze mag zien.",
        en="Nobody sees this: it has not been laid down yet who may see this kind of information.",
    ),
    "unlabelled": Sentence(
        nl="Niemand ziet dit: er staat niet bij voor wie het bedoeld is.",
        en="Nobody sees this: it does not say whom it is meant for.",
    ),
    "not-in-audience": Sentence(
        nl="Deze persoon ziet dit niet: het is niet voor naasten of niet voor dit portaal bedoeld; geen enkel recht verandert dat.",
        en="This person does not see this: it is not meant for relatives, or not for this portal; no right would change that.",
    ),
    "excluded": Sentence(
        nl="Deze persoon ziet dit niet: het is uitdrukkelijk uitgesloten.",
        en="This person does not see this: it has been expressly excluded.",
    ),
    "from-this-portal": Sentence(
        nl="Dit wordt niet verstuurd: het komt zelf van dit portaal en staat daar al.",
        en="This is not sent: it comes from this portal itself and is there already.",
    ),
    "representation-missing": Sentence(
        nl="Deze persoon ziet dit niet: er is geen geldige vertegenwoordiging vastgelegd.",
        en="This person does not see this: no valid representation has been recorded.",
    ),
    "age-gate": Sentence(
        nl="Deze persoon ziet dit niet: wie dit recht gaf, kan dat gezien de leeftijd van de cliënt niet (meer) alleen; onder de 12 beslissen "
        "de ouders, van 12 tot en met 15 ouders en cliënt samen, vanaf 16 de cliënt zelf.",
        en="This person does not see this: at the client's age, who gave this right can't give it (alone, any more); under 12 the parents "
        "decide, from 12 to 15 parents and client together, from 16 the client alone.",
    ),
    "no-grant": Sentence(
        nl="Deze persoon ziet dit niet: er is geen toestemming gegeven.",
        en="This person does not see this: no permission has been given.",
    ),
    "grant-suspended": Sentence(
        nl="Deze persoon ziet dit niet: de toestemming is opgeschort.",
        en="This person does not see this: the permission is suspended.",
    ),
    "grant-outside-period": Sentence(
        nl="Deze persoon ziet dit niet: de toestemming geldt nu niet.",
        en="This person does not see this: the permission does not hold at this time.",
    ),
    "before-data-period": Sentence(
        nl="Deze persoon ziet dit niet: het valt buiten de periode waarover de toestemming gaat.",
        en="This person does not see this: it lies outside the period that the permission is about.",
    ),
    "class-not-in-grant": Sentence(
        nl="Deze persoon ziet dit niet: de toestemming gaat niet over deze soort gegevens.",
        en="This person does not see this: the permission is not about this kind of information.",
    ),
    "level-too-low": Sentence(
        nl="Deze persoon ziet dit niet: het recht staat op 'basis', dit vraagt 'privéberichten en medische informatie'.",
        en="This person does not see this: the right is 'basic', this needs 'private messages and medical information'.",
    ),
    "step-up-missing": Sentence(
        nl="Deze persoon ziet dit niet: aanmelden bij dit portaal haalt niet het niveau dat de organisatie hiervoor vraagt.",
        en="This person does not see this: signing in to this portal does not reach the level that the organisation asks for it.",
    ),
}
