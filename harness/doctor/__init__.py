"""Is this machine ready, and do the engines agree on a checkpoint?"""
