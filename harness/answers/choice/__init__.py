"""Reading the chosen option."""
