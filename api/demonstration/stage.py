"""Sets the stage, plays the story, and keeps the pages up on a terminal."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
import typer

from api.demonstration.clock import MovableClock
from api.demonstration.neighbours import Neighbour, started
from api.demonstration.progress import progress
from api.demonstration.setup import ORGANISATION, Files, configure, folder_in, fresh, introduce
from api.demonstration.story import Say, Story
from api.demonstration.vendor import vendor
from api.inbound.process import ListenerProcess
from api.opening import Installation, open_installation
from api.ops.token import operator_token
from api.server import listen, sweep_and_serve
from gateway.errors import Misconfigured
from gateway.flow import Progress
from gateway.state import state_folder
from schedules.threads import Threads

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FIRST_SLOT_H = 7
# Linking everybody happens in this time, before the slot comes.
BEFORE = timedelta(minutes=30)
# The vendor has an eighth of the clients that the ECD has, of its own, and has known them for two weeks.
VENDORS_SHARE, VENDORS_DAYS = 8, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for on the command line."""

    once: bool
    clients: int
    days: int
    seed: int
    lie: str | None


def play(wishes: Wishes, state: Path | None) -> int:
    """Play the demonstration and return the exit code."""
    # Ended from outside, it takes its neighbours and its database with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with open_story(wishes, folder_in(state or state_folder()), typer.echo, progress()) as story:
        code = _tell(story, wishes)
        if not wishes.once and sys.stdout.isatty():
            _stay_up(story)
    return code


@contextmanager
def open_story(wishes: Wishes, folder: Path, say: Say, told: Progress) -> Iterator[Story]:
    """Start both neighbours, the database and the gateway in a fresh folder; the clock stands just before the first slot."""
    first_slot = datetime.now(AMSTERDAM).replace(hour=FIRST_SLOT_H, minute=0, second=0, microsecond=0).astimezone(UTC)
    with ExitStack() as stack:
        stack.enter_context(_alone(folder))
        files = fresh(folder)
        clock = MovableClock(first_slot - BEFORE, folder)
        ecd, portal = (stack.enter_context(one) for one in _neighbours(files, wishes, first_slot))
        configure(files, ecd=ecd.base_url, portal=portal.base_url)
        today = f"{first_slot.astimezone(AMSTERDAM):%Y-%m-%d}"
        pushing = vendor(files, clients=max(2, wishes.clients // VENDORS_SHARE), days=VENDORS_DAYS, seed=wishes.seed, today=today)
        telling = stack.enter_context(pushing)
        installation = stack.enter_context(open_installation(files.config, state=folder, clock=clock, embedded=True))
        listeners = stack.enter_context(_listening(installation))
        yield Story(
            files=files,
            installation=installation,
            org=installation.org(None),
            ecd=ecd,
            portal=portal,
            vendor=telling,
            listeners=listeners,
            clock=clock,
            each=stack.enter_context(Threads()),
            say=say,
            progress=told,
            store=files.portal_store / "portal.sqlite",
        )


@contextmanager
def _listening(installation: Installation) -> Iterator[ListenerProcess]:
    """Listen for what is pushed, as ``serve`` does."""
    listeners = ListenerProcess(installation, installation.gateway, on_death=lambda: None)
    listeners.start()
    try:
        yield listeners
    finally:
        listeners.stop()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only demonstration in this folder: the next one empties it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Misconfigured(f"a demonstration runs in {folder}; stop it, or name another folder with --state") from None
    try:
        yield
    finally:
        os.close(handle)


def _neighbours(files: Files, wishes: Wishes, first_slot: datetime) -> Iterator[AbstractContextManager[Neighbour]]:
    size = ["--clients", str(wishes.clients), "--days", str(wishes.days), "--seed", str(wishes.seed)]
    today = ["--today", f"{first_slot.astimezone(AMSTERDAM):%Y-%m-%d}", "--truth", str(files.truth), "--links", str(files.links)]
    # With an equals sign: a token may begin with a dash.
    certificate = [f"--certificate={files.secret('certificate').read_text()}"]
    yield started("ecd", "samples.ecd", [*size, *today, *certificate], files.folder)
    keys = ["--store", str(files.portal_store), "--gateway-jwks", str(files.jwks), "--providers", str(files.providers)]
    yield started("portal", "samples.portal", keys, files.folder)


def _tell(story: Story, wishes: Wishes) -> int:
    say = story.say
    say(
        f"{ORGANISATION['name']}: {wishes.clients} clients, {wishes.days} days; ECD {story.ecd.base_url}, portal {story.portal.base_url}"
    )
    members = story.link_everybody()
    story.name_the_family(members)
    say(f"{len(members)} family members linked, with the rights the organisation gave them")

    slot = story.move_to_next_slot()
    say(f"\n1. First sync, slot {slot.astimezone(AMSTERDAM):%H:%M}")
    story.listen_to_the_vendor()
    for line in story.sync().lines():
        say(line)
    told = story.take_in_the_rest()
    answers = ", ".join(f"{count} {answer}" for answer, count in told.items() if answer != "messages")
    say(f"meanwhile {told['messages']} messages of HL7 v2 came in by MLLP from another vendor ({answers}), and went the same way")
    say("")
    found = story.ledgers()
    differences = story.verdict(members, found, wishes.lie)
    if differences:
        return story.exit_code(differences, found)

    changed = story.change_the_ecd()
    slot = story.move_to_next_slot()
    say(
        f"\n2. Something changes at the ECD ({_sizes(changed)}); second sync, slot {slot.astimezone(AMSTERDAM):%H:%M}: only the change travels"
    )
    for line in story.sync().lines():
        say(line)
    found = story.ledgers()
    differences = story.verdict(members, found)

    say("\n3. A right is lowered")
    retracted = story.lower_a_right(members)
    if not retracted:
        say("WRONG  the portal still holds what was taken back")
        return 4
    found = story.count()
    code = story.exit_code([*differences, *story.verdict(members, found)], found)
    say("\nall is accounted for" if code == 0 else "\nsomething is not as it should be: see above")
    return code


def _sizes(changed: Sequence[Mapping[str, str]]) -> str:
    """Say how many records of each stream changed."""
    return ", ".join(f"{count} {stream}" for stream, count in sorted(Counter(one["stream"] for one in changed).items()))


def _stay_up(story: Story) -> None:
    """Keep everything running, with the sweeper, until Ctrl-C."""
    token = operator_token(story.files.folder)
    with listen(0) as bound, suppress(KeyboardInterrupt):
        introduce(story.files, f"http://127.0.0.1:{bound.getsockname()[1]}")
        story.say(f"\nfamily portal   {story.portal.base_url}/")
        story.say(f"telephones      {story.portal.base_url}/_sample/messages   what the portal sends: codes, links, invitations")
        story.say(f"letter          {story.letter()}   sign in as anybody, make a page, and link it with this code")
        story.say(f"sync page       http://127.0.0.1:{bound.getsockname()[1]}/   operator token: {token}")
        story.say(f"other commands  zorgsluis --state {story.files.folder} verify --read-back")
        story.say("Ctrl-C stops everything")
        sweep_and_serve(story.installation, story.each, bound, token)
