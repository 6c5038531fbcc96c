"""The bridge to lmms-eval: its tasks in our runs, our benchmarks in its runs."""
