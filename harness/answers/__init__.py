"""What a response means: its sections, and the yes or no, option or text that it answers."""
