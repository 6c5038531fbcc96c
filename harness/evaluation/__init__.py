"""From a plan to a finished run: ask, judge, store, count; and the processes that share it."""
