"""DynamoDB short of capacity: a share of batch writes comes back as ``UnprocessedItems``.

``Calls`` of the gateway; off until somebody asks for it.
"""

from __future__ import annotations

import json
import random
import threading
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.gateway import ApiAnswer, Passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    Requests = dict[str, list[dict[str, Any]]]  # by table

BATCH_WRITE: Final = "DynamoDB_20120810.BatchWriteItem"
SPENT: Final = (
    "The level of configured provisioned throughput for the table was exceeded."
    " Consider increasing your provisioning level with the UpdateTable API."
)


class UnprocessedWrites:
    """Holds back single puts of ``BatchWriteItem``, as many as ``share`` (0 to 1) says; for many threads.

    Where all of a call are held back it is refused whole, as DynamoDB does.
    """

    def __init__(self, *, seed: int) -> None:
        self.share = 0.0
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, target: str, body: bytes) -> ApiAnswer | Passed | None:
        """Hand on what is not held back; None lets the call pass as it is."""
        if target != BATCH_WRITE or self.share <= 0:
            return None
        call = json.loads(body)
        held, handed_on = self._divided(call["RequestItems"])
        if not held:
            return None
        if not handed_on:
            return ApiAnswer.error("ProvisionedThroughputExceededException", SPENT)
        passed = json.dumps({**call, "RequestItems": handed_on}).encode()
        return Passed(passed, reword=lambda answer: _with_unprocessed(answer, held))

    def _divided(self, requests: Requests) -> tuple[Requests, Requests]:
        """Return what is held back and what is handed on, each by table."""
        held: Requests = {}
        handed_on: Requests = {}
        with self._lock:
            for table, writes in requests.items():
                for write in writes:
                    is_held = "PutRequest" in write and self._random.random() < self.share
                    (held if is_held else handed_on).setdefault(table, []).append(write)
        return held, handed_on


def _with_unprocessed(answer: Mapping[str, Any], held: Requests) -> Mapping[str, Any]:
    """Add what was held back to what DynamoDB itself left undone."""
    own: Requests = answer.get("UnprocessedItems", {})
    together = {table: [*own.get(table, []), *held.get(table, [])] for table in {**own, **held}}
    return {**answer, "UnprocessedItems": together}
