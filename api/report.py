"""Both ledgers as a person reads them: one line per source and kind, one per portal and kind, and why anything is set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from gateway.accounting import DisclosureLine, Ledgers, RecordLine

Say = Callable[[str], None]
FATES: Final = ("delivered", "queued", "parked", "retracting", "retained", "withheld")


def report(ledgers: Ledgers, say: Say) -> None:
    """Print both ledgers with their verdict."""
    for line in record_lines(ledgers):
        say(line)
    say("")
    for line in disclosure_lines(ledgers):
        say(line)


def record_lines(ledgers: Ledgers) -> Iterator[str]:
    """Yield the first ledger: what became of every record that a source gave."""
    yield (
        f"{'records':<10} {'stream':<11} {'received':>9} = {'duplicate':>9} + {'journalled':>10} = "
        f"{'mapped':>8} + {'deleted':>7} + {'quarantined':>11} + {'set aside':>9} + {'waiting':>7}"
    )
    for line in ledgers.records:
        yield (
            f"{line.source:<10} {line.stream:<11} {line.received:>9} = {line.duplicates:>9} + {line.journalled:>10} = "
            f"{line.mapped:>8} + {line.deleted:>7} + {line.quarantined:>11} + {line.set_aside:>9} + {line.waiting:>7}"
            f"  {_verdict(line)}"
        )
        for reason, count in line.reasons.items():
            yield f"{'':<22} {count:>9}   {reason}"


def disclosure_lines(ledgers: Ledgers) -> Iterator[str]:
    """Yield the second ledger: where every (member, resource) pair stands."""
    yield f"{'portal':<10} {'kind':<17} {'pairs':>8} = " + " + ".join(f"{fate:>10}" for fate in FATES)
    for line in ledgers.disclosure:
        yield f"{_disclosure(line)}  {_verdict(line)}"
        for reason, count in sorted(line.withheld.items()):
            yield f"{'':<28} {count:>8}   withheld: {reason}"
    for line in ledgers.directory:
        yield f"{_disclosure(line)}  (directory, travels with what refers to it)"
    if ledgers.not_linked:
        kinds = ", ".join(f"{count} {kind}" for kind, count in ledgers.not_linked.items())
        yield f"not-linked: {kinds}"


def _disclosure(line: DisclosureLine) -> str:
    fates = " + ".join(f"{line.fates.get(fate, 0):>10}" for fate in FATES)
    return f"{line.portal:<10} {line.kind:<17} {line.pairs:>8} = {fates}"


def _verdict(line: RecordLine | DisclosureLine) -> str:
    return "ok" if line.balanced else "DOES NOT BALANCE"
