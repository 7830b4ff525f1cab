"""Jobs that are driven through a stage and judged by a ledger of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker_runtime.local.offers import Scenario

SCENARIOS: list[Scenario] = []
