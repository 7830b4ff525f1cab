"""Messages that a killed stage had in flight, made visible in what its emulator wrote of its queues.

The pollers of a stage receive with the longest visibility that SQS has, so nobody would see these
messages for hours. What somebody else had received becomes visible too: it may come twice, as SQS
allows. The form is MiniStack's own, held by a contract test.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from worker_runtime.local.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_FILE = "sqs.json"


def reveal_in_flight(saved_state: Path, *, but: Collection[str]) -> int:
    """Make what was received and not deleted visible; return how many messages that was.

    Left alone are those with a receipt handle in ``but``, and those that are delayed.
    """
    file = saved_state / _FILE
    if not file.exists():
        return 0
    saved = json.loads(file.read_text())
    now, revealed = time.time(), 0
    for message in (
        each for queue in saved["payload"]["queues"]["data"].values() for each in queue["messages"]
    ):
        receipt = message["receipt_handle"]
        if receipt is not None and receipt not in but and message["visible_at"] > now:
            message["visible_at"] = now
            revealed += 1
    if revealed:
        write_whole(file, json.dumps(saved).encode())
    return revealed
