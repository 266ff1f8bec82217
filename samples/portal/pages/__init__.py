"""The pages: what a family member sees, in Dutch."""
