"""Where a cold start's time goes: a worker started anew, again and again, as Lambda starts it."""
