"""Event patterns and event-source mappings' filters, with AWS's semantics; never part of a cold start."""

from __future__ import annotations

from worker_runtime.filters.mappings import Filters, compile_filters
from worker_runtime.filters.patterns import Pattern, compile_pattern

__all__ = ["Filters", "Pattern", "compile_filters", "compile_pattern"]
