"""Training: data, rewards, selection, the NTK term, and the trainers that put them together."""
