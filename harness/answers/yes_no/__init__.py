"""Reading yes or no."""
