"""Everything that speaks to a neighbour, one file or small folder each; found by entry point, unknown to each other."""
