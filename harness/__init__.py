"""Evaluation and hallucination benchmarks for multimodal LLMs, with the trainer included."""

__version__ = "0.1.0"
