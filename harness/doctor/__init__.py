"""Whether this machine is ready: its packages and devices, and whether the engines agree on a checkpoint."""
