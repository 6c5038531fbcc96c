"""Leaderboards: rows, tables, pages and publishing, from stored runs only."""
