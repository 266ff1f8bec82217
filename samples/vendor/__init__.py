"""Vesta, a vendor of client records that pushes HL7 v2 by MLLP: the second source of the demonstration. It knows nothing of the gateway."""
