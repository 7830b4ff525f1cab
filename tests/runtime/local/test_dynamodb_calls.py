"""Batch writes that DynamoDB leaves undone for want of capacity, as a client of botocore sees them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from worker_runtime.local.stage.dynamodb_calls import UnprocessedWrites
from worker_runtime.local.stage.gateway import Gateway, first_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.emulator import Emulator


class Short:
    """A table behind a DynamoDB that is short of capacity."""

    def __init__(self, emulator: Emulator) -> None:
        self.unprocessed = UnprocessedWrites(seed=1)
        self.name = f"short-{uuid4().hex[:8]}"
        answer = first_of(self.unprocessed)
        self.gateway = Gateway(emulator.endpoint_url, answer=answer, called=lambda: None).start()
        self.client = boto3.client(
            "dynamodb",
            endpoint_url=self.gateway.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )
        self.client.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        )

    def write(self, *requests: Any) -> Any:
        return self.client.batch_write_item(RequestItems={self.name: list(requests)})

    def stored(self) -> set[str]:
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        return {item["PK"]["S"] for page in pages for item in page["Items"]}

    def stop(self) -> None:
        self.client.close()
        self.gateway.stop()


@pytest.fixture
def short(emulator: Emulator) -> Iterator[Short]:
    made = Short(emulator)
    yield made
    made.stop()


def put(name: str) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"PK": {"S": name}, "n": {"N": "1.50"}, "b": {"B": b"\x00\xff"}}}}


def delete(name: str) -> dict[str, Any]:
    return {"DeleteRequest": {"Key": {"PK": {"S": name}}}}


def names(requests: list[Any]) -> set[str]:
    return {request["PutRequest"]["Item"]["PK"]["S"] for request in requests}


def test_nothing_is_held_back_until_somebody_asks_for_it(short: Short) -> None:
    answer = short.write(*(put(f"{at}") for at in range(25)))

    assert answer["UnprocessedItems"] == {}
    assert len(short.stored()) == 25


def test_what_is_held_back_comes_back_as_it_was_and_is_not_stored(short: Short) -> None:
    short.unprocessed.share = 0.5

    answer = short.write(*(put(f"{at}") for at in range(25)))

    left = answer["UnprocessedItems"][short.name]
    assert 0 < len(left) < 25
    assert all(request in [put(f"{at}") for at in range(25)] for request in left)
    assert short.stored() == {f"{at}" for at in range(25)} - names(left)
    assert set(answer) == {"UnprocessedItems", "ResponseMetadata"}


def test_repeating_what_is_left_ends_with_all_of_it(short: Short) -> None:
    short.unprocessed.share = 0.3
    left: list[Any] = [put(f"{at}") for at in range(25)]

    while left:
        with suppress(short.client.exceptions.ProvisionedThroughputExceededException):
            left = short.write(*left)["UnprocessedItems"].get(short.name, [])

    assert len(short.stored()) == 25


def test_about_the_share_asked_for_is_held_back(short: Short) -> None:
    short.unprocessed.share = 0.2

    left = [
        short.write(*(put(f"{call}-{at}") for at in range(25)))["UnprocessedItems"].get(short.name, [])
        for call in range(40)
    ]

    assert 0.15 < sum(map(len, left)) / 1_000 < 0.25


def test_where_nothing_is_taken_the_call_is_refused(short: Short) -> None:
    short.unprocessed.share = 1

    with pytest.raises(ClientError) as refused:
        short.write(put("a"), put("b"))

    assert refused.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert short.stored() == set()


def test_deletes_and_other_calls_are_let_through(short: Short) -> None:
    short.write(put("a"))
    short.unprocessed.share = 1

    answer = short.write(delete("a"), put("b"))
    short.client.put_item(TableName=short.name, Item={"PK": {"S": "c"}})

    assert names(answer["UnprocessedItems"][short.name]) == {"b"}
    assert short.stored() == {"c"}


def test_the_same_seed_holds_back_the_same_writes() -> None:
    def held(seed: int) -> list[Any]:
        unprocessed = UnprocessedWrites(seed=seed)
        unprocessed.share = 0.4
        return [unprocessed._divided({"t": [put(f"{at}") for at in range(25)]})[0] for _ in range(5)]

    assert held(7) == held(7)
    assert held(7) != held(8)
