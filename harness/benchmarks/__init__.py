"""What a benchmark is, and where its rows come from."""
