"""What every room shares: records, errors, files, JSON lines, prompts. Imports nothing else of the harness."""
