"""Who takes part in an appointment on the provider's side."""

from __future__ import annotations

from typing import Any

from gateway.mapping import ConvertContext, converter


@converter("employee_participant", to="BackboneElement", options=())
def employee_participant(invitation: Any, context: ConvertContext) -> dict[str, Any] | None:
    """Read an invitation and return the participant; teams, locations and groups are no persons and yield nothing.

    Somebody who hasn't answered stands as ``needs-action``: the product has no word for a refusal.
    """
    employee = invitation.get("employeeId")
    if employee is None:
        return None
    status = "accepted" if invitation.get("accepted") else "needs-action"
    return {"actor": context.reference("PractitionerRole", "employee", str(employee)), "status": status}
