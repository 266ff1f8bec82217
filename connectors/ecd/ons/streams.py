"""The streams of Ons that we read, and what each can tell about change and deletion."""

from __future__ import annotations

from typing import Any, Final

from gateway.connector import DeleteMode, StreamSpec

# The repeated hour of October, and two hours in which the server may mean UTC by a time without a zone.
OVERLAP_S: Final = 3 * 3600
# Today, a week back (what was cancelled late) and four weeks ahead: from inclusive, to exclusive.
AGENDA_DAYS: Final = (-7, 28)
# A withdrawn report must not stay with the family until tomorrow, and this stream doesn't tell of deletions.
RECONCILE_EVERY: Final = 1

MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    """Describe what we rely on; the rest of a record is the mapping's business."""
    return {"type": "object", "required": required, "properties": {"id": {"type": "integer"}, **properties}}


CLIENTS: Final = StreamSpec(
    name="clients",
    kind="client",
    primary_key=("id",),
    json_schema=_schema(["id"], updatedAt=MOMENT, careAllocations={"type": ["array", "null"]}),
    cursor_field="updatedAt",
    overlap_seconds=OVERLAP_S,
    deletes=DeleteMode.TOMBSTONE,
)
RELATIONS: Final = StreamSpec(
    name="relations",
    kind="relation",
    primary_key=("id",),
    json_schema=_schema(["id"], updatedAt=MOMENT),
    cursor_field="updatedAt",
    overlap_seconds=OVERLAP_S,
    deletes=DeleteMode.RECONCILE,
    reconcile_every=RECONCILE_EVERY,
)
EMPLOYEES: Final = StreamSpec(
    name="employees",
    kind="employee",
    primary_key=("id",),
    json_schema=_schema(["id"], updatedAt=MOMENT),
    cursor_field="updatedAt",
    overlap_seconds=OVERLAP_S,
)
REPORTS: Final = StreamSpec(
    name="reports",
    kind="report",
    primary_key=("id",),
    # A report that doesn't say whether it is confidential or hidden is not a report that we can pass on.
    json_schema=_schema(
        ["id", "confidential", "hidden"],
        updatedAt=MOMENT,
        confidential={"type": "boolean"},
        hidden={"type": "boolean"},
        carenId={"type": ["integer", "string", "null"]},
    ),
    cursor_field="updatedAt",
    overlap_seconds=OVERLAP_S,
    deletes=DeleteMode.RECONCILE,
    reconcile_every=RECONCILE_EVERY,
    sensitive_labels=("confidential", "hidden"),
)
CARE_PLANS: Final = StreamSpec(
    name="care_plans",
    kind="care_plan",
    primary_key=("id",),
    json_schema=_schema(["id"], updatedAt=MOMENT),
    partition_by="clients",
    deletes=DeleteMode.RECONCILE,
)
AGENDA: Final = StreamSpec(
    name="agenda",
    kind="agenda_occurrence",
    primary_key=("id",),
    json_schema=_schema(["id", "startsAt"], id={"type": "string"}, startsAt={"type": "string", "format": "date-time"}),
    window_days=AGENDA_DAYS,
    partition_by="clients",
    deletes=DeleteMode.RECONCILE,
)
STREAMS: Final = (CLIENTS, RELATIONS, EMPLOYEES, REPORTS, CARE_PLANS, AGENDA)
