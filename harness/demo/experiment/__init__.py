"""The demo experiment: the method, its parts and what it is compared with, trained and measured on the demo world."""
