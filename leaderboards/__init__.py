"""Many runs in one table: rows, significance, pages and publishing, from stored runs only."""
