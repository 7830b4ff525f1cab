"""DynamoDB JSON to Python: this runtime against boto3's TypeDeserializer, on one 17-attribute item.

Run alone: ``python tests/bench/dynamodb_json.py``; prints one line a candidate with its ratio to boto3.
"""

from __future__ import annotations

import timeit
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from msgspec import Struct

from worker_runtime.dynamodb_json import loads_image
from worker_runtime.images import compile_image_decoder

if TYPE_CHECKING:
    from collections.abc import Callable

ITEM: dict[str, Any] = {
    "PK": {"S": "EVENT#2f0c9d1e"},
    "SK": {"S": "SALE#77aa0192"},
    "type": {"S": "sale"},
    "id": {"S": "77aa0192"},
    "name": {"S": "Presale, all fans"},
    "createdAt": {"S": "2026-03-01T12:00:00.000Z"},
    "updatedAt": {"S": "2026-03-02T08:15:30.120Z"},
    "version": {"N": "12"},
    "schemaVersion": {"N": "1"},
    "price": {"N": "129.95"},
    "ttl": {"N": "1798761600"},
    "isSuppressed": {"BOOL": False},
    "shortUrl": {"NULL": True},
    "status": {"M": {"id": {"S": "OPEN"}, "by": {"S": "scheduler"}, "attempts": {"N": "2"}}},
    "generation": {"M": {"id": {"S": "RUNNING"}, "written": {"N": "5000"}, "skipped": {"N": "3"}}},
    "markets": {"L": [{"S": "us-ny"}, {"S": "us-ca"}, {"N": "3"}]},
    "tags": {"SS": ["presale", "vip", "mobile"]},
}


class Sale(Struct):
    """Three fields of the item, as a worker names them."""

    id: str
    version: int
    price: float


def with_boto3() -> Callable[[], Any]:
    """The yardstick: the whole item through boto3."""
    deserialize = TypeDeserializer().deserialize
    return lambda: {name: deserialize(value) for name, value in ITEM.items()}


def us_per_call(call: Callable[[], Any], *, number: int = 10_000, repeat: int = 7) -> float:
    """The best of several rounds, in microseconds."""
    return min(timeit.repeat(call, number=number, repeat=repeat)) / number * 1e6


def main() -> None:
    """Print each candidate's time and its ratio to boto3's."""
    decode = compile_image_decoder(Sale)
    yardstick = us_per_call(with_boto3())
    candidates: list[tuple[str, float]] = [
        ("boto3 TypeDeserializer", yardstick),
        ("loads_image", us_per_call(lambda: loads_image(ITEM))),
        ("compile_image_decoder, 3 fields", us_per_call(lambda: decode(ITEM))),
    ]
    for name, took in candidates:
        print(f"{name:34} {took:8.2f} us  {took / yardstick:5.2f}x")  # noqa: T201 (a benchmark prints)


if __name__ == "__main__":
    main()
