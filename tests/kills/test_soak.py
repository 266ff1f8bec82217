"""Twenty thousand deliveries while rights come and go, processes are killed and the portal misbehaves; a million: ``make soak``."""

from __future__ import annotations

import pytest

from tests.conftest import reachable_folder
from tests.soak.run import soak

DELIVERIES = 20_000
CLIENTS = 60


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_under_random_rights_kills_and_faults_the_portal_ends_with_exactly_what_is_permitted(worker_id: str) -> None:
    told = soak(
        reachable_folder(f"soak-{worker_id}"), clients=CLIENTS, deliveries=DELIVERIES, days=30, every_s=15, seed=11, bound_s=900
    )

    assert told["found"] == {"unpermitted": [], "missing": [], "twice": [], "verify_read_back": []}
    assert told["deliveries"] + told["retractions"] >= DELIVERIES
    assert told["disturbances"]["serve"] > 0
    assert told["disturbances"]["portal"] + told["disturbances"]["fault"] > 0
