"""Nedap Ons and what speaks as it does: bulk and delta streams as lines of JSON, care plans and agenda by client, four requests at once."""

from connectors.ecd.ons.connector import CONNECTOR, Ons

__all__ = ["CONNECTOR", "Ons"]
