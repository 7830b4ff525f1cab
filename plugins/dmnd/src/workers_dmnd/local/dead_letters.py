"""Whose dead letters lie in the two queues, and why: as the demo's ledger takes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workers_dmnd.local.event_items import garbage
from workers_dmnd.local.ledger import STRANGER, Letter

if TYPE_CHECKING:
    from worker_runtime.local.stage.letters import Letter as Staged


def identified(letter: Staged, *, queue: str) -> Letter:
    """Find out which event a dead letter is about; Lambda's own names only a range of the stream."""
    if letter.form == "metadata":
        return Letter(queue, letter.code, f"stream records from {letter.record_id}")
    if letter.body == garbage():
        return Letter(queue, letter.code, STRANGER)
    body = json.loads(letter.body)
    if letter.form == "envelope":
        return Letter(
            queue, letter.code, body["record"]["dynamodb"]["Keys"]["PK"]["S"].removeprefix("EVENT#")
        )
    return Letter(queue, letter.code, body["id"])
