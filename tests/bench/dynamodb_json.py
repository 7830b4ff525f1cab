"""DynamoDB JSON to Python, exact numbers: one item of 17 attributes, 1,000 times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from ours import Sale
from rounds import Case
from sample_events import ITEM
from table import Goal

from worker_runtime.dynamodb_json import loads_image
from worker_runtime.images import compile_image_decoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from rounds import Candidate


def cases() -> list[Case]:
    """List the whole image, and the three fields that a model names, beside boto3's."""
    deserialize = TypeDeserializer().deserialize
    boto3 = _each_image(lambda image: {name: deserialize(value) for name, value in image.items()})
    peers = {"boto3 TypeDeserializer": boto3}
    three = _each_image(compile_image_decoder(Sale))
    return [
        Case(
            "DynamoDB JSON, whole image, 1,000",
            "{}",
            _each_image(loads_image),
            peers,
            Goal(0.45, at_least=False),
        ),
        Case("DynamoDB JSON, three fields of it, 1,000", "{}", three, peers),
    ]


def _each_image(read: Callable[[Any], Any]) -> Candidate:
    def loop(_event: Any) -> None:
        for _ in range(1000):
            read(ITEM)

    return loop
