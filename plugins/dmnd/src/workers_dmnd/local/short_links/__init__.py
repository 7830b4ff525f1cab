"""The scenario ``short-links``: event items in, through two workers, to a short link each."""
