"""The real servers and processes that a stage is made of; none knows of workers or sources."""
