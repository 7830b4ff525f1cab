"""Demand capture: the workers between a change of the demand table and a fan's SMS."""
