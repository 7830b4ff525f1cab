"""The event that a new worker is tried with: what Lambda would send it, as a file for ``workers invoke``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import testing as made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.cli.skeletons.sources import SourceKind

_RECORD: Final = {"id": "42"}
_ITEM: Final = {"PK": "ITEM#42", "SK": "ITEM", **_RECORD}

EVENTS: Final[dict[SourceKind, Callable[[Mapping[str, str]], Any]]] = {
    "sqs": lambda of: made.sqs_event(_RECORD, queue=of["kebab_worker"]),
    "sqs-fifo": lambda of: made.sqs_event(_RECORD, queue=f"{of['kebab_worker']}.fifo", group="42"),
    "table-stream": lambda of: made.table_event(made.change(new=_ITEM, table=f"{of['kebab']}-table")),
    "kinesis": lambda of: made.kinesis_event(_RECORD, stream=f"{of['kebab']}-stream"),
    "kafka": lambda of: made.kafka_event(made.kafka_record(_RECORD, topic=f"{of['kebab']}-topic")),
    "s3": lambda of: made.s3_event("42.json", bucket=f"{of['kebab']}-bucket"),
    "sns": lambda of: made.sns_event(_RECORD, topic=f"{of['kebab']}-topic"),
    "event-bridge": lambda of: made.event_bridge_event(_RECORD, source=of["kebab"]),
    "schedule": lambda _: made.schedule_event(),
    "api-gateway": lambda of: made.http_event(_RECORD, route=f"POST /{of['kebab_worker']}"),
    "appsync": lambda of: made.field_event(_RECORD, field=f"Query.{of['bare']}"),
    "invoke": lambda _: _RECORD,
    "firehose": lambda of: made.firehose_event(_RECORD, stream=f"{of['kebab']}-stream"),
}


def event_text(source: SourceKind, names: Mapping[str, str]) -> str:
    """Write as JSON an event whose one record fits the model of the source's skeleton."""
    return json.dumps(EVENTS[source](names), indent=2) + "\n"
