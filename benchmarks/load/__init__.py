"""What the benchmarks share: load, the system under it, its baselines, and the report."""
