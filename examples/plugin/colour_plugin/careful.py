"""A prompt format: the fields of its YAML, see 'Prompt formats of your own' in docs/scoring.md."""

FORMAT = {
    "instruction": "Look twice, then give {final} between <answer> and </answer>.",
    "sections": ["answer"],
    "max_new_tokens": 64,
}
