"""Neighbours for the demonstration and the tests: a sample ECD and a sample portal, real servers that know nothing of ours."""
