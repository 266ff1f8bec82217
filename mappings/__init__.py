"""What a source field means: row tables, concept maps and units, pure converters; one folder per source system."""
