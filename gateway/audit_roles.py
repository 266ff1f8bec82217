"""As what somebody acted, for the trail (NEN 7513): told by how the gateway itself names who acts.

``gateway`` is the software, ``portal CODE`` a portal, ``member UUID`` a relative who administers a care page; ``person NUMBER`` is such a
relative too, in rows of before they were named by their member. Everybody else is who gave a command: an employee of the care
organisation, under the name that ``--by`` gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway.canonical import BASE

ROLES: Final = f"{BASE}/CodeSystem/audit-role"
APPLICATION: Final = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110150", "display": "Application"}
PERSON: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/extra-security-role-type",
    "code": "humanuser",
    "display": "human user",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A code of ``ROLES``, in words, and what kind of actor has it."""

    code: str
    nl: str
    en: str
    type: dict[str, str]

    def elements(self) -> dict[str, Any]:
        """Return ``type`` and ``role`` of an AuditEvent's agent."""
        coding = {"system": ROLES, "code": self.code, "display": self.en}
        return {"type": {"coding": [self.type]}, "role": [{"coding": [coding]}]}


SOFTWARE: Final = Role(code="software", nl="systeem", en="gateway software", type=APPLICATION)
PORTAL: Final = Role(code="portal", nl="portaal", en="portal", type=APPLICATION)
MEMBER: Final = Role(code="member", nl="naaste", en="relative who administers a care page", type=PERSON)
EMPLOYEE: Final = Role(code="employee", nl="medewerker", en="employee of the care organisation", type=PERSON)
KNOWN: Final = {role.code: role for role in (SOFTWARE, PORTAL, MEMBER, EMPLOYEE)}


def role_of(agent: str) -> Role:
    """Return as what an agent of the trail acted."""
    if agent == "gateway":
        return SOFTWARE
    word, space, _ = agent.partition(" ")
    return {"portal": PORTAL, "member": MEMBER, "person": MEMBER}.get(word, EMPLOYEE) if space else EMPLOYEE
