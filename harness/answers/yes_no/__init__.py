"""Reading yes or no: how "There is no dog" becomes *no*."""
