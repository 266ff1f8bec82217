"""Which events are taken, the message structure of each (table 0354), and what its message has to hold.

Required is what a message can't do without here: whose it is, and what it is about. The standard asks for more (EVN, RGS) that many
senders leave out and nothing needs.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_EVENTS: Final = {
    "ADT": {
        "ADT_A01": "A01 A04 A08 A13",
        "ADT_A02": "A02",
        "ADT_A03": "A03",
        "ADT_A05": "A05 A28 A31",
        "ADT_A06": "A06 A07",
        "ADT_A09": "A11",
        "ADT_A12": "A12",
        "ADT_A20": "A20",
        "ADT_A21": "A21 A22",
        "ADT_A30": "A47",
        "ADT_A39": "A40",
    },
    "ORU": {"ORU_R01": "R01"},
    "MDM": {"MDM_T01": "T01 T03 T05 T07 T09 T11", "MDM_T02": "T02 T04 T06 T08 T10"},
    "SIU": {"SIU_S12": "S12 S13 S14 S15 S16 S17 S26"},
    "PPR": {"PPR_PC1": "PC1 PC2 PC3"},
    "PGL": {"PGL_PC6": "PC6 PC7 PC8"},
    "REF": {"REF_I12": "I12 I13 I14"},
}
TYPES: Final = frozenset(_EVENTS)
# (message type, event) → structure
STRUCTURES: Final = {
    (kind, event): structure
    for kind, structures in _EVENTS.items()
    for structure, events in structures.items()
    for event in events.split()
}


class Needs(NamedTuple):
    """The segments that a message must have, those that it may not have twice, and those that go together.

    ``groups`` (A, B): each A has a B of its own after it; ``paired``: and no more than one.
    """

    required: tuple[str, ...]
    single: tuple[str, ...] = ()
    groups: tuple[str, str] | None = None
    paired: bool = False


_PATIENT: Final = Needs(required=("PID",), single=("PID", "PV1"))
NEEDS: Final = {
    **dict.fromkeys(_EVENTS["ADT"], _PATIENT),
    "ADT_A20": Needs(required=("NPU",), single=("NPU",)),
    "ADT_A30": Needs(required=("PID", "MRG"), single=("PID", "MRG")),
    "ADT_A39": Needs(required=("PID", "MRG"), groups=("PID", "MRG"), paired=True),
    # A second patient begins a second group, with its own orders.
    "ORU_R01": Needs(required=("PID", "OBR"), groups=("PID", "OBR")),
    "MDM_T01": Needs(required=("PID", "TXA"), single=("PID", "PV1", "TXA")),
    "MDM_T02": Needs(required=("PID", "TXA"), single=("PID", "PV1", "TXA")),
    "SIU_S12": Needs(required=("SCH",), single=("SCH",)),
    "PPR_PC1": Needs(required=("PID", "PRB"), single=("PID",)),
    "PGL_PC6": Needs(required=("PID", "GOL"), single=("PID",)),
    "REF_I12": Needs(required=("RF1", "PID"), single=("RF1", "PID")),
}
