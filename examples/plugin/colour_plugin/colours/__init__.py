"""The benchmark: see benchmark.py."""
