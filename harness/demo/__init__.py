"""The demo world: scenes, videos, questions, the tiny checkpoint and how it was made."""
