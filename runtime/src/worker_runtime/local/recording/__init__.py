"""Recordings: events as workers got them and what became of them, one line each; and running them again."""
