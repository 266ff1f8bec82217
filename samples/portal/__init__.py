"""Sample portal: a family portal with its own store that implements the portal contract (``docs/portal-contract.md``)."""
