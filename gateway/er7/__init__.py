"""HL7 v2 in its ER7 form ("pipes and hats"): from bytes to units, messages and fields, and back to an acknowledgement.

Pure and tolerant: knows nothing of FHIR, sources or storage; refuses only what has no readable MSH segment, and says what it put right.
"""

from __future__ import annotations

from gateway.er7.acknowledgement import accept_code, acknowledge, application_code
from gateway.er7.envelope import Envelope, envelope
from gateway.er7.escapes import unescape
from gateway.er7.judgement import Fault, Verdict, judge
from gateway.er7.message import Message, parse
from gateway.er7.note import Note, NotHL7
from gateway.er7.offsets import Offsets, offsets
from gateway.er7.units import Unit, units

__all__ = [
    "Envelope",
    "Fault",
    "Message",
    "NotHL7",
    "Note",
    "Offsets",
    "Unit",
    "Verdict",
    "accept_code",
    "acknowledge",
    "application_code",
    "envelope",
    "judge",
    "offsets",
    "parse",
    "unescape",
    "units",
]
