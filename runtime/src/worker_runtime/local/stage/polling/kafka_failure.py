"""What Lambda writes to a topic's on-failure destination: which offsets of which partitions, no data."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.polling.on_failure import failure_record, zulu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.local.stage.polling.kafka_form import KafkaForm
    from worker_runtime.local.stage.polling.on_failure import GivenUp
    from worker_runtime.local.stage.polling.staged_records import StagedRecord


def kafka_failure_record(records: Sequence[StagedRecord], *, form: KafkaForm, why: GivenUp) -> dict[str, Any]:
    """Word the body of the message (Lambda developer guide, "Capturing discarded batches", Kafka).

    The records of a partition stand together, in order.
    """
    info: dict[str, Any] = {
        "batchSize": len(records),
        **({} if form.cluster_arn is None else {"eventSourceArn": form.cluster_arn}),
        "bootstrapServers": form.servers,
        "payloadSize": len(form.event_of(records)),
        "recordsInfo": {
            name: _range(list(group)) for name, group in groupby(records, key=lambda record: record.lane)
        },
    }
    return failure_record({"KafkaBatchInfo": info}, why=why)


def _range(records: Sequence[StagedRecord]) -> dict[str, str]:
    first, last = records[0], records[-1]
    return {
        "firstRecordOffset": str(first.raw["offset"]),
        "lastRecordOffset": str(last.raw["offset"]),
        "firstRecordTimestamp": zulu(first.arrived_at, "milliseconds"),
        "lastRecordTimestamp": zulu(last.arrived_at, "milliseconds"),
    }
