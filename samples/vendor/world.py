"""What Vesta has told, and what it has told it about: the messages in the order in which things happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from samples.ecd.records import Link
from samples.vendor.er7 import FACILITY, SENDER
from samples.vendor.people import Client

#: Everything that is pushed is one stream to whoever takes it in.
STREAM = "hl7v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: ``control_id`` is MSH-10, ``at`` MSH-7, ``kind`` the message type in small letters, ``about`` names its things."""

    control_id: str
    at: datetime
    kind: str
    trigger: str
    data: bytes
    about: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """By what a message is known to whoever takes it in: who sent it, and the sender's own number."""
        return f"{SENDER}|{FACILITY}|{self.control_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing that Vesta tells of, as it stands after the last message about it.

    ``sort`` is ``client``, ``relation``, ``visit`` or ``dossier``. ``closed`` is the reason why nobody of the family may see it,
    whatever their level. ``told`` is the key of the message that last changed it.
    """

    name: str
    client: str
    sort: str
    type: str
    person: str = ""
    closed: str | None = None
    says: tuple[str, ...] = ()
    told: str = ""
    kind: str = ""


@dataclass(slots=True, kw_only=True)
class World:
    """Everything: clients, links, messages, things. ``at`` is the clock, that each message moves on a little."""

    seed: int
    today: date
    now: datetime
    clients: list[Client] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    things: dict[str, Thing] = field(default_factory=dict)

    def now_is(self, client: Client) -> None:
        """Keep what has changed of a client."""
        self.clients = [client if one.number == client.number else one for one in self.clients]

    def client(self, number: str) -> Client:
        """Return a client as it is now."""
        return next(one for one in self.clients if one.number == number)

    def next_id(self) -> str:
        """Return the control id of the next message."""
        return f"VST{len(self.messages) + 1:06d}"

    def tick(self) -> datetime:
        """Move the clock a few seconds on and return the moment: no two messages share one."""
        self.now += timedelta(seconds=7)
        return self.now

    def tell(self, message: Message, *things: Thing) -> None:
        """Add a message and what is so from now on."""
        self.messages.append(replace(message, about=tuple(thing.name for thing in things)))
        for thing in things:
            self.things[thing.name] = replace(thing, told=message.key, kind=message.kind)

    def members(self) -> dict[str, list[Link]]:
        """Return the links by client."""
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.client, []).append(link)
        return found
