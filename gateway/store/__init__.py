"""The versioned store: current resources with their exact bytes, every version before, and what was changed by whom.

Everything is decided in Python under one lock per (organisation, record system), and written by COPY into session tables and one statement
per table: `records` is what comes in, `current` what is there, `fold` decides, `stamp` makes the final bytes, `write` puts them away.
"""

from __future__ import annotations

from gateway.store.records import Entry, Fate
from gateway.store.restamp import restamp_client
from gateway.store.storing import remove_own, store_own, store_records

__all__ = ["Entry", "Fate", "remove_own", "restamp_client", "store_own", "store_records"]
