"""The event that a new worker is tried with: what Lambda would send it, as a file for ``workers invoke``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from worker_runtime.testing import change, kinesis_event, schedule_event, sqs_event, table_event

if TYPE_CHECKING:
    from collections.abc import Mapping

SourceKind = Literal["sqs", "sqs-fifo", "table-stream", "kinesis", "schedule"]


def event_text(source: SourceKind, names: Mapping[str, str]) -> str:
    """Write as JSON an event whose one record fits the model of the source's skeleton."""
    return json.dumps(_event(source, names), indent=2) + "\n"


def _event(source: SourceKind, names: Mapping[str, str]) -> Any:
    worker, plugin, record = names["kebab_worker"], names["kebab"], {"id": "42"}
    match source:
        case "sqs":
            return sqs_event(record, queue=worker)
        case "sqs-fifo":
            return sqs_event(record, queue=f"{worker}.fifo", group="42")
        case "table-stream":
            item = {"PK": "ITEM#42", "SK": "ITEM", **record}
            return table_event(change(new=item, table=f"{plugin}-table"))
        case "kinesis":
            return kinesis_event(record, stream=f"{plugin}-stream")
        case "schedule":
            return schedule_event()
