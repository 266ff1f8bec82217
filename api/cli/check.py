"""``zorgsluis check``: for who builds a sender: is this message right, would it come in, what becomes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from api.cli.convert import Source, conversions
from api.cli.inputs import Files, Inputs
from api.cli.shared import EXIT_ASIDE, Json, line, table

if TYPE_CHECKING:
    from api.conversion import Conversion
    from gateway.conformance import Finding


def check(context: typer.Context, files: Files, source: Source = None, json: Json = False) -> None:
    """Say of each message in the files what deviates from the standard, what intake would answer and what becomes of it.

    Shows places, codes and counts; of a value two characters at most. Nothing is kept.
    """
    from gateway.conformance import report
    from gateway.er7 import units

    inputs, converting = Inputs(files), conversions(context, source)
    aside = False
    for name, data in inputs:
        for unit in units(data):
            made = converting.of(unit)
            findings = report(unit.data, converting.maps.dialect.charset)
            aside |= made.outcome == "quarantined"
            if json:
                line(_line(name, made, findings))
            else:
                _show(name, made, findings)
    inputs.finish()
    if aside:
        raise typer.Exit(EXIT_ASIDE)


def _line(name: str, made: Conversion, findings: list[Finding]) -> dict[str, Any]:
    return {
        "file": name,
        "index": made.index,
        "type": _type(made),
        "findings": [asdict(finding) for finding in findings],
        "ack": made.ack,
        "errors": [fault._asdict() for fault in made.faults],
        "outcome": made.outcome,
        "issues": [asdict(issue) for issue in made.issues],
        "resources": dict(_resources(made)),
    }


def _show(name: str, made: Conversion, findings: list[Finding]) -> None:
    typer.echo(f"{name} [{made.index}]  {_type(made) or 'no message type'}")
    severities = Counter(finding.severity for finding in findings)
    counts = ", ".join(f"{severities[one]} {one}" for one in ("error", "warning", "information") if severities[one])
    typer.echo(f"  standard  {counts or 'conforms'}")
    _table(["severity", "place", "code", "finding"], [[one.severity, one.location, one.code, one.text] for one in findings])
    typer.echo(f"  answer    {made.ack or 'none'}")
    _table(["severity", "condition", "place", "error"], [_fault(fault) for fault in made.faults])
    resources = ", ".join(f"{count} {kind}" for kind, count in _resources(made).items())
    typer.echo(f"  outcome   {made.outcome}{f': {resources}' if resources else ''}")
    headers = ["severity", "code", "source field", "element", "reason", "action"]
    rows: list[list[object]] = [
        [one.severity, one.code, one.source_path, one.target_path, one.reason, one.action] for one in made.issues
    ]
    _table(headers, rows)


def _table(headers: list[str], rows: list[list[object]]) -> None:
    if rows:
        table(headers, rows, indent="    ")


def _fault(fault: Any) -> list[object]:
    place = fault.segment if fault.sequence == 1 else f"{fault.segment}({fault.sequence})"
    return [fault.severity, fault.condition, place if fault.field is None else f"{place}-{fault.field}", fault.text]


def _resources(made: Conversion) -> Counter[str]:
    return Counter(one.type for one in made.mapped)


def _type(made: Conversion) -> str:
    """Return MSH-9 as far as it names a type and an event: nothing longer, it may be anything."""
    from gateway.er7 import envelope

    if made.message is None:
        return ""
    head = envelope(made.message)
    return f"{head.message_type[:3]}^{head.trigger[:3]}"
