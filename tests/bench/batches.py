"""Batches of 1,000 records, three fields of each read, logs and metrics on: the cases of the table."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import ours
import powertools as pt
from boto3.dynamodb.types import TypeDeserializer
from msgspec.json import Decoder
from rounds import Case
from sample_events import carried_text, changes_text, kinesis_text, sqs_text
from table import Goal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rounds import Candidate

DATA_CLASSES = "Powertools, data classes"
PYDANTIC = "Powertools, pydantic models"
ASYNC = "Powertools, async"
LOOP = "bare loop, json"


def cases(records: int = 1000) -> list[Case]:
    """List the four batches beside their peers."""
    return [
        Case(
            f"SQS, {records:,} messages",
            sqs_text(records),
            ours.running(ours.take_message),
            {
                DATA_CLASSES: pt.with_data_classes("sqs", pt.read_message),
                PYDANTIC: pt.with_pydantic("sqs", pt.read_message_model),
                ASYNC: pt.asynchronous("sqs", pt.read_message_later),
                LOOP: each(lambda record: _fields(json.loads(record["body"]))),
                "bare loop, msgspec": _msgspec_loop(),
            },
            Goal(4),
        ),
        Case(
            f"Kinesis, {records:,} records",
            kinesis_text(records),
            ours.running(ours.take_datum),
            {
                DATA_CLASSES: pt.with_data_classes("kinesis", pt.read_datum),
                PYDANTIC: pt.with_pydantic("kinesis", pt.read_datum_model),
                ASYNC: pt.asynchronous("kinesis", pt.read_datum_later),
                LOOP: each(lambda record: _fields(json.loads(b64decode(record["kinesis"]["data"])))),
            },
            Goal(3),
        ),
        Case(
            f"DynamoDB stream, {records:,} changes",
            changes_text(records),
            ours.running(ours.take_change),
            {
                DATA_CLASSES: pt.with_data_classes("changes", pt.read_change),
                PYDANTIC: pt.with_pydantic("changes", pt.read_change_model),
                ASYNC: pt.asynchronous("changes", pt.read_change_later),
                "bare loop, boto3": _boto3_loop(),
            },
            Goal(10),
        ),
        Case(
            f"changes over Kinesis, {records:,}",
            carried_text(records),
            ours.running(ours.take_carried_change),
            {DATA_CLASSES: pt.with_data_classes("kinesis", pt.read_carried_change)},
            Goal(8),
        ),
    ]


def each(read: Callable[[Any], None]) -> Candidate:
    """Make a candidate of a plain loop that handles no failure."""

    def loop(event: Any) -> None:
        for record in event["Records"]:
            read(record)

    return loop


def _fields(body: Any) -> None:
    _ = body["id"], body["kind"], body["amount"]


def _msgspec_loop() -> Candidate:
    decode = Decoder(ours.Order).decode

    def read(record: Any) -> None:
        order = decode(record["body"])
        _ = order.id, order.kind, order.amount

    return each(read)


def _boto3_loop() -> Candidate:
    deserialize = TypeDeserializer().deserialize

    def read(record: Any) -> None:
        image = record["dynamodb"]["NewImage"]
        item = {name: deserialize(value) for name, value in image.items()}
        _ = item["id"], item["name"], item["version"]

    return each(read)
