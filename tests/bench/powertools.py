"""The other side: Powertools for AWS Lambda (Python) as its documentation has it used.

A processor of the event type made once, ``process_partial_response`` in a handler with the Logger's and
the Metrics' decorators, one log line and one metric an invocation, as ours has.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    BatchProcessor,
    EventType,
    async_process_partial_response,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.parser.models import (
    DynamoDBStreamChangedRecordModel,
    DynamoDBStreamRecordModel,
    KinesisDataStreamRecord,
    KinesisDataStreamRecordPayload,
    SqsRecordModel,
)
from lambda_context import CONTEXT
from pydantic import BaseModel, Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from rounds import Candidate

TYPES = {
    "sqs": EventType.SQS,
    "kinesis": EventType.KinesisDataStreams,
    "changes": EventType.DynamoDBStreams,
}


class Order(BaseModel):
    id: str
    kind: str
    amount: int


class OrderMessage(SqsRecordModel):
    body: Json[Order]


class OrderPayload(KinesisDataStreamRecordPayload):
    data: Json[Order]


class OrderDatum(KinesisDataStreamRecord):
    kinesis: OrderPayload


class Sale(BaseModel):
    id: str
    name: str
    version: int


class SaleWire(DynamoDBStreamChangedRecordModel):
    NewImage: Sale | None = None


class SaleChange(DynamoDBStreamRecordModel):
    dynamodb: SaleWire


def with_data_classes(kind: str, read: Callable[[Any], None]) -> Candidate:
    """Hand each record to ``read`` as a data class."""
    return _handler(process_partial_response, BatchProcessor(event_type=TYPES[kind]), read)


def with_pydantic(kind: str, read: Callable[[Any], None]) -> Candidate:
    """Hand each record to ``read`` as a parser model."""
    models: dict[str, Any] = {"sqs": OrderMessage, "kinesis": OrderDatum, "changes": SaleChange}
    return _handler(process_partial_response, BatchProcessor(TYPES[kind], model=models[kind]), read)


def asynchronous(kind: str, read: Callable[[Any], Any]) -> Candidate:
    """Hand all records at once to ``read``, a coroutine function."""
    return _handler(async_process_partial_response, AsyncBatchProcessor(event_type=TYPES[kind]), read)


def _handler(process: Callable[..., Any], processor: Any, read: Callable[[Any], Any]) -> Candidate:
    logger = Logger(service="bench", stream=io.StringIO())
    metrics = Metrics(namespace="bench", service="bench")

    @logger.inject_lambda_context
    @metrics.log_metrics
    def handler(event: dict[str, Any], context: Any) -> Any:
        reply = process(event=event, record_handler=read, processor=processor, context=context)
        metrics.add_metric(name="RecordsReceived", unit=MetricUnit.Count, value=len(event["Records"]))
        logger.info("%d records", len(event["Records"]))
        return reply

    def invoke(event: Any) -> None:
        reply = handler(event, CONTEXT)
        if reply != {"batchItemFailures": []}:
            raise AssertionError(f"a record failed: {reply}")

    return invoke


def read_message(record: Any) -> None:
    body = record.json_body
    _ = body["id"], body["kind"], body["amount"]


def read_datum(record: Any) -> None:
    body = record.kinesis.data_as_json()
    _ = body["id"], body["kind"], body["amount"]


def read_change(record: Any) -> None:
    item = record.dynamodb.new_image
    _ = item["id"], item["name"], item["version"]


def read_carried_change(record: Any) -> None:
    change: Any = DynamoDBRecord(record.kinesis.data_as_json())
    item = change.dynamodb.new_image
    _ = item["id"], item["name"], item["version"]


def read_message_model(record: Any) -> None:
    _ = record.body.id, record.body.kind, record.body.amount


def read_datum_model(record: Any) -> None:
    _ = record.kinesis.data.id, record.kinesis.data.kind, record.kinesis.data.amount


def read_change_model(record: Any) -> None:
    item = record.dynamodb.NewImage
    _ = item.id, item.name, item.version


async def read_message_later(record: Any) -> None:
    read_message(record)


async def read_datum_later(record: Any) -> None:
    read_datum(record)


async def read_change_later(record: Any) -> None:
    read_change(record)


def read_nothing(record: Any) -> None:
    """Do nothing."""
