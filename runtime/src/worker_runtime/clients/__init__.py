"""Thin, typed clients of other services: batching, bounded in time, failures as verdicts."""
