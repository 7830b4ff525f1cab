"""Batches of a Kafka topic, of several partitions."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from worker_runtime import clock


def kafka_record(
    value: Any, *, offset: int = 0, topic: str = "topic", partition: int = 0, key: bytes | None = None
) -> dict[str, Any]:
    """Build one Kafka record; a value that is neither bytes nor None becomes JSON, None a tombstone."""
    data = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": int(clock.now() * 1000),
        "timestampType": "CREATE_TIME",
        "key": None if key is None else b64encode(key).decode(),
        "value": None if data is None else b64encode(data).decode(),
        "headers": [],
    }


def kafka_event(*records: dict[str, Any]) -> dict[str, Any]:
    """Build the event of a batch of a self-managed cluster, each record under its partition."""
    partitions: dict[str, list[dict[str, Any]]] = {}
    for each in records:
        partitions.setdefault(f"{each['topic']}-{each['partition']}", []).append(each)
    return {"eventSource": "SelfManagedKafka", "bootstrapServers": "b-1:9092", "records": partitions}
