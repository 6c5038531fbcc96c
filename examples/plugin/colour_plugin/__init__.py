"""A benchmark, an engine, a diagnostic and a reward for harness."""
