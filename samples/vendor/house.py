"""The house that runs on Vesta: De Linde's own nursing home, its wards and the people who work there."""

from __future__ import annotations

from random import Random
from typing import Final

from samples.ecd.chance import one

HOUSE: Final = "DE LINDE"
WARDS: Final = ("PG1", "PG2", "SOM1", "REV")
#: AGB code or number of the house, family name, initials, who gave the number out.
DOCTOR: Final = ("01004567", "Visser", "A.", "VEKTIS")
STAFF: Final = (
    ("M90001", "Bakker", "M.", "VESTA"),
    ("M90002", "Özdemir", "S.", "VESTA"),
    ("M90003", "Crèvecœur", "R.", "VESTA"),
    ("M90004", "te Brake", "J.", "VESTA"),
)


def professional(who: tuple[str, str, str, str]) -> str:
    """Write a professional as an XCN: number, family name, initials, who gave the number out."""
    number, family, initials, authority = who
    return f"{number}^{family}^{initials}^^^^^^{authority}"


def somebody(rng: Random) -> str:
    """Return one of the staff as an XCN."""
    return professional(one(rng, STAFF))
