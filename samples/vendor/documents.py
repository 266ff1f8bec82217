"""MDM: what carers write, letters, what is confidential, and what was written by mistake."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from samples.ecd import scenes
from samples.ecd.chance import dice, one
from samples.ecd.reports import canary
from samples.vendor.admissions import who
from samples.vendor.er7 import SENDER, escaped, header, segment, stamp, wire
from samples.vendor.house import somebody
from samples.vendor.people import Client
from samples.vendor.world import Message, Thing, World

NOTE, LETTER = "PN^Rapportage^HL70270", "CN^Brief^HL70270"
TEXT, PDF = "TX", "ED"
CONFIDENTIAL: Final = "V"
STRUCTURES: Final = {"T11": "MDM_T01"}
_WORDS: Final = {
    "female": {"M": "Mevr.", "m": "mevr.", "Zij": "Zij", "zij": "zij", "haar": "haar", "zijn": "haar"},
    "male": {"M": "Dhr.", "m": "dhr.", "Zij": "Hij", "zij": "hij", "haar": "hem", "zijn": "zijn"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A report or a letter under the number that Vesta gave it. ``parent`` is the number of what it replaces."""

    number: str
    client: Client
    at: datetime
    by: str
    sort: str
    lines: tuple[str, ...]
    confidential: bool = False
    parent: str = ""


def written(world: World, client: Client, place: int) -> Document:
    """Return the report of this place in a client's row."""
    rng = dice(world.seed, "vesta", "written", client.number, place)
    return Document(
        number=f"VD{client.number}-{place}",
        client=client,
        at=world.now - timedelta(minutes=2 + int(rng.random() * 30)),
        by=somebody(rng),
        sort=NOTE,
        lines=_lines(rng, client),
    )


def _lines(rng: Random, client: Client) -> tuple[str, ...]:
    """Return what a carer writes, a sentence a line; some with a line break that nobody escaped, some with signs that had to be."""
    contact = client.contacts[0]
    words = {**_WORDS[client.gender], "C": f"{contact.word} {contact.name.given}"}
    scene = one(rng, scenes.GENERAL + scenes.MORNING + scenes.MEDICAL)
    said = [text.format_map(words) for slot in scene if (text := one(rng, slot))]
    if rng.random() < 0.4:
        said = [said[0] + "\n" + said[-1], *said[1:-1], "Temp. 37,2 ^ pols 72 | zie meting & controle"]
    return tuple(said)


def confidential(world: World, client: Client, place: int) -> Document:
    """Return a report that is for those who made it alone. It carries a word that no portal may ever hold."""
    report = written(world, client, place)
    word = canary(int(client.number), f"-{place}")
    return replace(report, confidential=True, lines=(*report.lines, f"Niet delen. {word}"))


def letter(world: World, client: Client, place: int) -> Document:
    """Return a letter, as a PDF."""
    return replace(written(world, client, place), number=f"VB{client.number}-{place}", sort=LETTER, lines=())


def edited(world: World, report: Document) -> Document:
    """Return a report after somebody thought better of its last line."""
    return replace(
        report, at=world.now, lines=(*report.lines[:-1], "Bij nader inzien: geen bijzonderheden, één afspraak verzet.")
    )


def successor(report: Document) -> Document:
    """Return the report that replaces one, under a number of its own."""
    return replace(
        report, number=f"{report.number}-2", parent=report.number, lines=(*report.lines, "Vervangt het eerdere rapport.")
    )


def send(world: World, trigger: str, document: Document) -> None:
    """Add the message of this event about a document."""
    control_id, at = world.next_id(), world.tick()
    head = [
        header(f"MDM^{trigger}", STRUCTURES.get(trigger, "MDM_T02"), control_id, at),
        segment("EVN", f1=trigger, f2=stamp(at)),
    ]
    content = [] if trigger == "T11" else _content(document)
    data = wire([*head, who(document.client), segment("PV1", f1="1", f2="I"), _txa(document), *content])
    told = [thing(document, withdrawn=trigger == "T11")]
    if document.parent:
        told.append(thing(replace(document, number=document.parent), withdrawn=True))
    world.tell(Message(control_id=control_id, at=at, kind="mdm", trigger=trigger, data=data), *told)


def _txa(document: Document) -> str:
    return segment(
        "TXA",
        f1="1",
        f2=document.sort,
        f3="AP" if document.sort == LETTER else TEXT,
        f4=stamp(document.at),
        f6=stamp(document.at),
        f9=document.by,
        f12=f"{document.number}^{SENDER}",
        f13=f"{document.parent}^{SENDER}" if document.parent else "",
        f17="AU",
        f18=CONFIDENTIAL if document.confidential else "U",
        f19="AV",
    )


def _content(document: Document) -> list[str]:
    if document.sort == LETTER:
        return [segment("OBX", f1="1", f2=PDF, f3="BRIEF^Brief^L", f5=f"^AP^pdf^Base64^{_pdf(document)}", f11="F")]
    code = "RAP^Rapportage^L"
    return [
        segment("OBX", f1=str(number), f2=TEXT, f3=code, f5=escaped(line), f11="F")
        for number, line in enumerate(document.lines, 1)
    ]


def _pdf(document: Document) -> str:
    """Return the smallest page that is a PDF, in base64."""
    page = f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\n% {document.number}\n"
    return base64.b64encode(f"{page}trailer<</Root 1 0 R>>\n%%EOF\n".encode("ascii")).decode("ascii")


def thing(document: Document, *, withdrawn: bool) -> Thing:
    """Return what a document is: text is a report, a PDF stays a document."""
    closed = "resource-withdrawn" if withdrawn else "marked-confidential" if document.confidential else None
    type_ = "DocumentReference" if document.sort == LETTER else "Observation"
    return Thing(name=f"document:{document.number}", client=document.client.number, sort="dossier", type=type_, closed=closed)
