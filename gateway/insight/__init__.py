"""Questions about who sees what: why, what a change would do, and how it was on an earlier day. Nothing here changes a right."""
