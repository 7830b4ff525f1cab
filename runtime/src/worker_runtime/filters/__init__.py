"""Event patterns, mappings' filters, topics' policies, with AWS's semantics; never part of a cold start."""

from __future__ import annotations

from worker_runtime.filters.explanations import Explanation, Finding, Judgement
from worker_runtime.filters.mappings import Filters, compile_filters
from worker_runtime.filters.patterns import Pattern, compile_pattern
from worker_runtime.filters.policies import Policy, compile_policy

__all__ = [
    "Explanation",
    "Filters",
    "Finding",
    "Judgement",
    "Pattern",
    "Policy",
    "compile_filters",
    "compile_pattern",
    "compile_policy",
]
