"""Whose dead letters lie in the two queues, and why: as the demo's ledger takes them."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from workers_dmnd.local.short_links.event_items import garbage
from workers_dmnd.local.short_links.ledger import STRANGER, Letter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.dead_letters.letters import Letter as Found


def identified(found: Found, *, queue: str) -> Letter:
    """Find out of which event a dead letter is; Lambda's own names only a range of the stream."""
    if found.form == "metadata":
        return Letter(queue, found.code, f"stream records from {found.record_id}")
    if found.body == garbage():
        return Letter(queue, found.code, STRANGER)
    body = json.loads(found.body)
    return Letter(queue, found.code, _event_of(body["record"]) if found.form == "envelope" else body["id"])


def _event_of(record: Mapping[str, Any]) -> str:
    """Read whose change it is, carried by Kinesis or straight from the table."""
    change = json.loads(b64decode(record["kinesis"]["data"])) if "kinesis" in record else record
    return str(change["dynamodb"]["Keys"]["PK"]["S"]).removeprefix("EVENT#")
