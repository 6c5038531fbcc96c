"""The next checkpoint: data, rewards, selection, the NTK term, GRPO and SFT."""
