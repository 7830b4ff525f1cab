"""``workers stage``: a stage that people keep up, watch, look at from elsewhere and come back to."""
