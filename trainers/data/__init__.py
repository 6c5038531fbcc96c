"""Training data: one JSONL schema, its validation, and converters from published formats; standard library only."""

from trainers.data.schema import Example, example_from_row, read_examples, row_from_example

__all__ = ["Example", "example_from_row", "read_examples", "row_from_example"]
