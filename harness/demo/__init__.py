"""A small world whose truth is known: its scenes, questions, checkpoints and judge, and how they were made."""
