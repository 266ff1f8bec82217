"""When a member keeps what isn't due any more, as ``ledger.DIFFER`` has it: for queries that join link, client, organisation and ledger."""

from __future__ import annotations

from typing import Final

# A frozen stop, the end of care, or an expired right, where the organisation lets what was given stay. Its reason says so: what anything
# else stands in the way of has that for a reason.
FROZEN: Final = """(link.state = 'active' and coalesce(
  ledger.code = 'client-stop' and case
    when client.stop_reason is not null then client.frozen else client.end_of_care_at <= app_now() and organisation.freeze_at_end end
  or organisation.expiry = 'freeze' and ledger.code = 'grant-outside-period', false))"""
