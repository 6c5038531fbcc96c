"""Figures with their errors: metric specs, standard errors and intervals of clustered data, paired tests."""

from harness.statistics.summary import summarise

__all__ = ["summarise"]
