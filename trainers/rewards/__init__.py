"""Rewards: what a response earns, by the evaluation's own verdict and the evaluation's own judge."""
