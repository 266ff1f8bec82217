"""The portal API: what a portal asks us about links, invitations and rights (docs/portal-api.md)."""
