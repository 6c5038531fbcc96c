"""The commands, a module each: its arguments, and the calls in their order."""
