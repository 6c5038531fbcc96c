"""Standard errors, intervals and paired tests that fit clustered benchmark data."""

from harness.statistics.summary import summarise

__all__ = ["summarise"]
