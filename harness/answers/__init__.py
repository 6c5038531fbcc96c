"""What a response means; standard library only."""
