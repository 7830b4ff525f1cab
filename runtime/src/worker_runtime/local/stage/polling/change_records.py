"""Table changes as workers get them: from the table's own stream, or as Kinesis carries them in production.

The stage reads every change from the table's stream. Where a worker declares ``kinesis=`` the change
is put into the form in which DynamoDB writes it to Kinesis, so that the worker sees what production
sends it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import datetime
from hashlib import md5
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.polling.kinesis_form import Kept, kinesis_record
from worker_runtime.local.stage.polling.stage_time import stage_time
from worker_runtime.local.stage.polling.staged_records import StagedRecord, staged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.kinesis_form import KinesisStream

KINESIS_SHARD = "shardId-000000000000"

_MILLISECOND_DIGITS = 20
_STAMPED_WITHIN_S = 2.0  # the stamp is of the second, and taken a moment before


def change_record(change: Mapping[str, Any], *, stream_arn: str, created_at: float) -> StagedRecord:
    """Shape a change as Lambda takes it from the table's stream; ``change`` is boto3's form."""
    wire = wire_form(change["dynamodb"])
    wire["ApproximateCreationDateTime"] = int(created_at)
    raw = {**wire_form(change), "dynamodb": wire, "eventSourceARN": stream_arn}
    return staged(wire["SequenceNumber"], raw, arrived_at=created_at, lane=_keys(wire))


def carried_record(record: StagedRecord, *, carrier: KinesisStream) -> StagedRecord:
    """Put a change into the form in which Kinesis carries it; the sequence number stays."""
    raw = record.raw
    wire = {
        name: value
        for name, value in raw["dynamodb"].items()
        if name not in {"SequenceNumber", "StreamViewType"}
    }
    wire["ApproximateCreationDateTime"] = round(record.arrived_at * 1000)
    wire["ApproximateCreationDateTimePrecision"] = "MILLISECOND"
    change = {
        "awsRegion": raw["awsRegion"],
        "eventID": raw["eventID"],
        "eventName": raw["eventName"],
        "userIdentity": raw.get("userIdentity"),
        "recordFormat": "application/json",
        "tableName": raw["eventSourceARN"].split("/")[1],
        "dynamodb": wire,
        "eventSource": "aws:dynamodb",
    }
    kept = Kept(
        sequence=record.id,
        partition_key=md5(record.lane.encode(), usedforsecurity=False).hexdigest().upper(),
        shard_id=KINESIS_SHARD,
        arrived_at=record.arrived_at,
    )
    return kinesis_record(json.dumps(change, separators=(",", ":")).encode(), kept=kept, stream=carrier)


def wire_form(value: Any) -> Any:
    """Undo what boto3 made of an answer: bytes become base64 text, times epoch seconds."""
    if isinstance(value, dict):
        return {name: wire_form(each) for name, each in value.items()}
    if isinstance(value, list):
        return [wire_form(each) for each in value]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    return value


class CreationTimes:
    """Times of changes on the stage's clock, growing with every change of a shard, whenever it is read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0.0

    def of(self, change: Mapping[str, Any]) -> float:
        """Tell when a change was made; of AWS's own as it says itself."""
        wire = change["dynamodb"]
        stamp: datetime = wire["ApproximateCreationDateTime"]
        made_at = _emulated_at(wire["SequenceNumber"])
        if not 0 <= made_at - stamp.timestamp() < _STAMPED_WITHIN_S:
            return stage_time(self._clock, stamp.timestamp())
        self._last = max(self._last + 0.001, stage_time(self._clock, made_at))
        return self._last


def _emulated_at(sequence: str) -> float:
    """Read when a change was made from its sequence number: the emulator's begins with the millisecond.

    It stamps changes with the second alone. A number of AWS's says nothing, and its moment is far off.
    """
    return int(sequence[:_MILLISECOND_DIGITS]) / 1000


def _keys(wire: Mapping[str, Any]) -> str:
    return json.dumps(wire["Keys"], sort_keys=True)


def restaged(raw: Mapping[str, Any]) -> StagedRecord:
    """Take up a record that was staged before, from its form in the event."""
    if "kinesis" in raw:
        arrived_at = raw["kinesis"].get("approximateArrivalTimestamp", 0.0)
        return staged(raw["kinesis"]["sequenceNumber"], raw, arrived_at=arrived_at)
    arrived_at = raw["dynamodb"].get("ApproximateCreationDateTime", 0)
    return staged(raw["dynamodb"]["SequenceNumber"], raw, arrived_at=arrived_at, lane=_keys(raw["dynamodb"]))


def refreshed(record: StagedRecord, *, dynamodb: Any) -> StagedRecord:
    """Give a change the item as it is in its table now; one that is gone makes it a REMOVE.

    ValueError where the record is none.
    """
    if "kinesis" not in record.raw:
        table = record.raw["eventSourceARN"].split("/")[1]
        return restaged(_with_item(record.raw, _item(dynamodb, table, record.raw["dynamodb"]["Keys"])))
    inner = _carried(record.raw)
    inner = _with_item(inner, _item(dynamodb, inner["tableName"], inner["dynamodb"]["Keys"]))
    data = b64encode(json.dumps(inner, separators=(",", ":")).encode()).decode()
    return restaged({**record.raw, "kinesis": {**record.raw["kinesis"], "data": data}})


def _carried(raw: Mapping[str, Any]) -> dict[str, Any]:
    try:
        inner = json.loads(b64decode(raw["kinesis"]["data"]))
    except ValueError:
        inner = None
    if not isinstance(inner, dict) or not {"tableName", "dynamodb"} <= inner.keys():
        raise ValueError("its record carries no table change; leave out --refresh.")
    return inner


def _item(dynamodb: Any, table: str, keys: Mapping[str, Mapping[str, str]]) -> Any:
    """Read an item in the wire form; None where it is gone."""
    key = {
        name: {kind: b64decode(text) if kind == "B" else text for kind, text in value.items()}
        for name, value in keys.items()
    }
    return wire_form(dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item"))


def _with_item(change: Mapping[str, Any], item: Any) -> dict[str, Any]:
    wire = {name: value for name, value in change["dynamodb"].items() if name != "NewImage"}
    if item is None:
        return {**change, "eventName": "REMOVE", "dynamodb": wire}
    return {**change, "dynamodb": {**wire, "NewImage": item}}
