"""What is deployed together."""

from __future__ import annotations

from worker_runtime import Stack

PIPELINE = Stack("dmnd-pipeline")
