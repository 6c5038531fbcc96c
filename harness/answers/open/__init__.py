"""Reading an open answer, and matching it with its target."""
