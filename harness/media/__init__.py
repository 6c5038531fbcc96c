"""Opening images and videos strictly, and telling whether a file is whole."""
