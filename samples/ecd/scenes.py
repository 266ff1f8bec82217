"""What carers write: scenes of home care, each a row of sentences with alternatives.

``{M}`` Mevr./Dhr. at the start of a sentence, ``{m}`` within one, ``{Zij}`` / ``{zij}`` she or he, ``{haar}`` her or him,
``{zijn}`` her or his, ``{C}`` the contact ("dochter Marijke"). An empty alternative leaves the sentence out.
"""

from __future__ import annotations

Scene = tuple[tuple[str, ...], ...]

MORNING: tuple[Scene, ...] = (
    (
        ("{M} lag nog in bed bij binnenkomst.", "{M} was al op en zat aan tafel.",
         "{M} zat in ochtendjas de krant te lezen.",
         "{M} stond me al op te wachten bij de deur.", "{M} was wat slaperig vanmorgen.",
         "Bij binnenkomst zat {m} op de rand van het bed."),
        ("Geholpen met douchen en aankleden.", "{M} gedoucht en haren gewassen.",
         "Geholpen met wassen aan de wastafel.",
         "Alleen de rug en de voeten gewassen, de rest doet {zij} zelf.",
         "Bovenlichaam waste {zij} zelf, bij de benen geholpen.",
         "{M} wilde vandaag niet douchen, aan de wastafel gewassen."),
        ("Huid intact.", "Huid gaaf, geen drukplekken gezien.",
         "Liezen licht rood, dun ingesmeerd met zinkzalf.",
         "Stuit iets rood, wegdrukbaar. Cavilon aangebracht.", "Droge benen ingesmeerd met cetomacrogol.",
         ""),
        ("Steunkousen aangetrokken.", "Kousen aangetrokken, rechterbeen ging wat moeizaam.",
         "Steunkousen aan, benen slank.", ""),
        ("{M} heeft goed ontbeten.", "Brood en thee klaargezet.",
         "Koffie gezet en samen de dag doorgenomen.",
         "{Zij} had weinig trek, één boterham gegeten.",
         "Medicatie uit de Baxter aangereikt en ingenomen gezien.", ""),
        ("Verder geen bijzonderheden.", "Alles rustig achtergelaten.",
         "Ging daarna in de stoel bij het raam zitten.", "", ""),
    ),
    (
        ("Vandaag iets later dan gepland vanwege een spoedje op de route, {m} vond het geen probleem.",
         "Zorg verleend volgens zorgplan.", "ADL verleend volgens afspraak.", "Ochtendzorg gegeven."),
        ("Transfer van bed naar stoel ging goed met de rollator.",
         "Opstaan kostte moeite, met een klein zetje lukte het.",
         "Lopen ging vandaag beter dan gisteren.", "{M} liep wat onzeker, looprek dichterbij gezet.",
         "Transfer met tillift, zonder klachten."),
        ("{M} vertelt dat {zij} slecht geslapen heeft.", "{Zij} zegt lekker geslapen te hebben.",
         "{M} klaagt over stijve vingers.", "{M} was vrolijk en zong mee met de radio.",
         "{Zij} was wat stil vandaag.", ""),
        ("{C} komt vanmiddag boodschappen doen.", "{C} belde terwijl ik er was, alles goed.", "", ""),
        ("Geen verdere bijzonderheden.", "Sleutel teruggelegd in het kluisje.",
         "Alarmering getest, werkt.", ""),
    ),
)  # fmt: skip

EVENING: tuple[Scene, ...] = (
    (
        ("{M} zat tv te kijken.", "{M} was al in de keuken bezig met {zijn} thee.", "Avondzorg gegeven.",
         "{M} was moe en wilde vroeg naar bed."),
        ("Geholpen met uitkleden en nachtgoed aan.", "Steunkousen uitgetrokken.",
         "Kousen uit, voeten bekeken: geen bijzonderheden.",
         "Geholpen naar bed, hekjes niet nodig."),
        ("Avondmedicatie gegeven en afgetekend.", "Medicatie aangereikt, {zij} nam het zelf in.",
         "Oogdruppels gegeven in beide ogen.", ""),
        ("Glas water en alarm binnen handbereik gelegd.", "Nachtlampje aan, {m} vindt dat prettig.",
         "Gordijnen dicht en deur op slot gedaan.", ""),
        ("{M} ligt er rustig bij.", "{M} was tevreden.", "Welterusten gezegd tot morgen.", ""),
    ),
)  # fmt: skip

GENERAL: tuple[Scene, ...] = (
    (
        ("Huishoudelijke ondersteuning gedaan: badkamer, keuken en stofzuigen.",
         "Bed verschoond en was aangezet.",
         "Samen de koelkast nagekeken, twee dingen over datum weggegooid.",
         "Boodschappenlijst gemaakt, {C} haalt ze op."),
        ("{M} hielp zelf mee met afstoffen.", "{M} dronk intussen koffie en vertelde over vroeger.",
         "{Zij} geniet van het gezelschap.", ""),
        ("Volgende week wil {zij} graag de ramen gelapt hebben.", "Geen bijzonderheden.",
         "Vuilnis buitengezet.", ""),
    ),
    (
        ("{M} is vandaag naar de dagopvang geweest.", "{M} had bezoek van een oude buurvrouw.",
         "{M} was gisteren jarig, veel kaarten op tafel.",
         "{C} is met {haar} naar de markt geweest."),
        ("Dat heeft {haar} goed gedaan.", "{Zij} was er wel moe van.",
         "{Zij} vertelde er uitgebreid over.", "{Zij} keek er met plezier op terug."),
        ("Stemming goed.", "Zorg verder volgens plan.", "", ""),
    ),
    (
        ("{M} zag tegen het weekend op omdat {C} weg is.", "{M} gaf aan zich soms alleen te voelen.",
         "{M} mist {zijn} tuin."),
        ("Samen gekeken wat er in het buurthuis te doen is.",
         "Gesproken over het koffieuurtje op dinsdag, {zij} denkt erover na.",
         "Naar {haar} geluisterd, dat deed zichtbaar goed."),
        ("Graag collega's hier ook aandacht voor.", "Komt terug in het overleg.", ""),
    ),
)  # fmt: skip

BY_CONDITION: dict[str, tuple[Scene, ...]] = {
    "diabetes": (
        (
            ("Bloedsuiker geprikt en genoteerd bij de metingen.",
             "Insuline gespoten volgens lijst, linkerzij.", "Insuline gegeven, spuitplek afgewisseld."),
            ("{M} had voor het prikken al een koekje op.", "{M} voelde zich niet trillerig.",
             "{Zij} eet wat onregelmatig deze week.", ""),
            ("Voeten gecontroleerd: geen wondjes.", "Tussen de tenen wat vochtig, goed gedroogd.",
             "Teennagels worden lang, podotherapeut komt donderdag.", ""),
        ),
    ),
    "hartfalen": (
        (
            ("{M} is wat kortademig bij het aankleden.", "Minder vocht in de enkels dan vorige week.",
             "Enkels dik aan het eind van de dag."),
            ("Gewogen, zie metingen.", "Let op de vochtbeperking van 1500 ml.",
             "Plastablet ingenomen gezien."),
            ("Bij meer dan 2 kilo erbij de huisarts bellen.", "Geadviseerd de benen hoog te leggen.", ""),
        ),
    ),
    "copd": (
        (
            ("{M} hoest meer dan anders, slijm is wit.", "Benauwdheid redelijk onder controle.",
             "{M} moest onderweg naar de badkamer twee keer rusten."),
            ("Inhalator gebruikt met voorzetkamer.", "Pufjes gegeven en mond laten spoelen.",
             "Rustig aan gedaan, dan gaat het goed."),
            ("Raam even open gezet, dat vond {zij} prettig.", ""),
        ),
    ),
    "dementie": (
        (
            ("{M} was in de war en zocht {zijn} tas.", "{M} dacht dat het avond was.",
             "{M} herkende me vandaag meteen.", "{M} vroeg een paar keer naar {zijn} moeder."),
            ("Met rustig praten en een kopje thee zakte de onrust.",
             "Oude foto's bekeken, toen werd {zij} rustig.",
             "Stap voor stap uitgelegd wat we gingen doen, dat werkte."),
            ("Kookplaat stond nog aan, uitgezet. Is doorgegeven aan {C}.",
             "Briefje van {C} gevonden op tafel en samen gelezen.",
             "Medicijndoosje bleek leeg voor vandaag, dus al ingenomen.", ""),
        ),
    ),
    "wond": (
        (
            ("Wond linkeronderbeen verzorgd volgens wondplan.", "Verband gewisseld bij het scheenbeen.",
             "Wondverzorging hiel gedaan."),
            ("Wondbodem rood, randen rustig.", "Iets meer wondvocht dan vorige keer, geen geur.",
             "Wond wordt kleiner: 2 bij 1,5 cm.", "Wondranden licht week, barrièrecrème gebruikt."),
            ("Pijn tijdens verzorging volgens {m} te doen.", "Foto gemaakt voor de wondverpleegkundige.",
             "Nog drie absorberende verbanden in huis, graag bestellen.", ""),
        ),
    ),
    "parkinson": (
        (
            ("{M} had een goede 'on'-periode.", "{M} was stijf en kwam moeilijk op gang.",
             "Veel last van beven in de rechterhand."),
            ("Levodopa precies om 8 uur gegeven.", "Met tellen lukte het om de drempel over te stappen.",
             "Praten ging zachtjes maar verstaanbaar."),
            ("Logopedist heeft oefeningen achtergelaten.", ""),
        ),
    ),
    "artrose": (
        (
            ("{M} heeft pijn in de knieën bij het opstaan.", "Heup speelt op bij dit vochtige weer.",
             "Handen pijnlijk, knoopjes dicht gedaan."),
            ("Paracetamol volgens lijst gegeven.", "Warmtekussen gebruikt, hielp iets.",
             "Fysio is geweest en heeft oefeningen gedaan."),
            ("",),
        ),
    ),
    "blaas": (
        (
            ("Katheter loopt goed door, urine helder.", "Katheterzak verwisseld.",
             "Blaasspoeling gedaan, ging zonder problemen."),
            ("Insteekopening schoon.", "{M} drinkt te weinig, kan met water neergezet.",
             "Urine wat donker, extra laten drinken."),
            ("",),
        ),
    ),
    "cva": (
        (
            ("Linkerarm in de mitella gelegd.", "{M} oefent elke dag met de rechterhand.",
             "Slikken ging goed met verdikte koffie."),
            ("Aankleden eerst de aangedane kant, {zij} weet het zelf nog.",
             "Ergotherapeut adviseert een aangepast mes."),
            ("", "{C} heeft het oefenschema op de koelkast gehangen."),
        ),
    ),
    "nierfalen": (
        (
            ("{M} is terug van de dialyse en erg moe.", "Jeuk aan armen en rug, ingesmeerd."),
            ("Dieetlijst nog eens doorgenomen: weinig zout & kalium.",
             "Shuntarm bekeken: geen roodheid, niet in gemeten."),
            ("",),
        ),
    ),
}  # fmt: skip

MEDICAL: tuple[Scene, ...] = (
    (
        ("Overleg gehad met de huisarts.", "Huisarts is op visite geweest.",
         "Telefonisch contact met de praktijkondersteuner.", "Bericht van de apotheek ontvangen."),
        ("Bloeddrukmedicatie wordt verhoogd, start morgen.",
         "Antibioticakuur gestart vanwege blaasontsteking, 5 dagen.",
         "Plastablet gaat terug naar 1x daags.",
         "Bloed geprikt voor nierfunctie & natrium.", "Zalf mag na 7 dagen gestopt worden.",
         "Pijnstilling mag 3x daags 1000 mg."),
        ("Aftekenlijst is aangepast.", "Evalueren over een week.",
         "Collega's graag letten op duizeligheid.", "{C} is op de hoogte.", ""),
    ),
)  # fmt: skip
PROGRESS: tuple[Scene, ...] = (
    (
        ("Evaluatie doel zelfstandig wassen:", "Voortgang op het zorgplan:", "Doelen doorgenomen met {m}:"),
        ("{m} wast nu gezicht en bovenlichaam helemaal zelf.",
         "steunkousen uittrekken lukt met de slipper.", "lopen binnenshuis gaat zonder hulp.",
         "medicatie zelf innemen lukt nog niet betrouwbaar.",
         "nachtrust is verbeterd sinds de nieuwe matras."),
        ("Doel blijft staan.", "Zorgmoment op zondag kan vervallen.", "Over zes weken opnieuw kijken.",
         "{M} is trots op wat weer lukt."),
    ),
)  # fmt: skip
FAMILY: tuple[Scene, ...] = (
    (
        ("{C} gebeld.", "{C} gesproken bij {m} thuis.", "Mail gekregen van {C}.",
         "Gesprek gehad met {m} en {C}."),
        ("Vraagt of de zorg op zaterdag een half uur later kan.",
         "Maakt zich zorgen over het eten, vriest porties in.",
         "Gaat twee weken op vakantie; zus neemt waar.",
         "Heeft nieuwe pantoffels gekocht vanwege valgevaar.",
         "Neemt {m} woensdag mee naar de oogarts (AMC & daarna lunch)."),
        ("Afgesproken dat we het een week proberen.", "Doorgegeven aan de planning.",
         "{C} is tevreden over de zorg.", ""),
    ),
)  # fmt: skip
STOOL: tuple[Scene, ...] = (
    (
        ("Ontlasting gehad, normaal van vorm.", "Vandaag geen ontlasting.", "Ontlasting wat hard, zakje macrogol gegeven."),
        ("", "Drinkt voldoende."),
    ),
)
UNAGREED: tuple[Scene, ...] = (
    (("Vrij formulier van het team ingevuld.", "Proef met nieuw observatieformulier."), ("Zie bijlage in het dossier.",)),
)
FROM_PORTAL: tuple[Scene, ...] = (
    (
        ("Aan de telefoon klonk {zij} wat duizelig.", "Wie heeft de sleutel van het kluisje?",
         "Ik kom zaterdag rond elf uur langs.", "De kapper komt vrijdag om 10 uur."),
        ("Willen jullie daarop letten?", "Groetjes!", "Kunnen jullie {haar} dan iets later helpen?",
         "Alvast bedankt, ook voor de goede zorgen."),
    ),
)  # fmt: skip

#: SOEP: what the client says, what is seen, what it means, what happens next; lines at the same place are one case.
SOAP: dict[str, tuple[str, ...]] = {
    "subjective": (
        "{M} vertelt duizelig te zijn bij het opstaan.",
        "{M} heeft minder eetlust.",
        "{M} zegt dat de knie weer dik is.",
        "Volgens {C} slaapt {m} overdag veel.",
        "{M} voelt zich somber sinds de herfst.",
        "{M} heeft last van de mond.",
    ),
    "objective": (
        "RR 118/64 liggend, 98/60 staand.",
        "Gewicht 1,4 kg minder dan vorige maand.",
        "Knie warm & gezwollen, buigen beperkt.",
        "Alert en adequaat in contact.",
        "Weinig mimiek, gordijnen dicht om 11 uur.",
        "Tandvlees rood, prothese zit los.",
    ),
    "assessment": (
        "Orthostatische hypotensie mogelijk.",
        "Risico op ondervoeding.",
        "Artrose-opvlamming lijkt waarschijnlijk.",
        "Slaap-waakritme verstoord.",
        "Stemming vraagt aandacht.",
        "Slecht passende prothese.",
    ),
    "plan": (
        "Huisarts gebeld, medicatie wordt bekeken.",
        "Diëtist gevraagd, bijvoeding aangeboden.",
        "Koelen, rust en over twee dagen beoordelen.",
        "Dagstructuur bespreken met {C}.",
        "Gesprek met de praktijkondersteuner GGZ voorgesteld.",
        "Tandarts aan huis aangevraagd.",
    ),
}
SOAP_CASES = len(SOAP["plan"])
