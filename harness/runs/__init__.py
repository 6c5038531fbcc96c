"""The run folder: its records, settings and locks, going on with a run, and two runs side by side."""
