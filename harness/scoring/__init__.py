"""Reading answers and judging them, strictly and as the published evaluators do; standard library only."""

from harness.scoring.answers import read_answer
from harness.scoring.registry import TASKS, get_scoring
from harness.scoring.sections import split_sections

__all__ = ["TASKS", "get_scoring", "read_answer", "split_sections"]
