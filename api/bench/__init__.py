"""Benchmarks: each prints one JSON object, with its baselines measured in the same run."""
