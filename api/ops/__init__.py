"""Pages for operations: loopback only, behind the operator's token."""
