"""The scenario ``warehouse``: items of the demand table come, change and go, and files tell of all of it."""
