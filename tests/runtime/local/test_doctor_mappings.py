"""What the doctor says of a worker's time, for each kind of source, and what it says of none but its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import (
    S3,
    ApiGateway,
    AppSync,
    EventBridge,
    Firehose,
    Invoke,
    Kafka,
    S3Object,
    Sns,
    Sqs,
    Stack,
    worker,
)
from worker_runtime.local.doctor.mappings import examine_sources

if TYPE_CHECKING:
    from worker_runtime.local.doctor.findings import Finding
    from worker_runtime.sources import Source

LETTERS: Any = {"dead_letters": "letters"}
ONE_BY_ONE: tuple[Source, ...] = (
    ApiGateway("POST /orders"),
    AppSync("Query.order"),
    EventBridge("orders", pattern={"source": ["shop"]}, **LETTERS),
    Firehose("orders"),
    Invoke(),
    S3("uploads", **LETTERS),
    Sns("orders", **LETTERS),
)


def take(order: dict[str, Any]) -> None:
    """Take an order."""


def take_object(uploaded: S3Object) -> None:
    """Take an object."""


def found(source: Source, *, expected_s: float | None = None) -> list[Finding]:
    function: Any = take_object if source.kind == "s3" else take
    declaration = worker(source, stack=Stack("shop"), timeout_s=10)(function).declaration
    return examine_sources("shop.take", declaration, expected_s=expected_s)


@pytest.mark.parametrize("source", [*ONE_BY_ONE, Kafka("orders", **LETTERS)], ids=lambda each: each.kind)
def test_what_only_queues_and_streams_have_to_fear_is_said_of_no_other(source: Source) -> None:
    assert found(source) == []


@pytest.mark.parametrize("source", ONE_BY_ONE, ids=lambda each: each.kind)
def test_of_what_comes_one_by_one_only_a_record_that_never_ends_in_time_is_found(source: Source) -> None:
    in_time, late = found(source, expected_s=10), found(source, expected_s=11)

    assert in_time == []
    (finding,) = late
    assert (
        finding.what == "a record of 11 s does not fit into timeout_s=10: Lambda ends it before it is done."
    )
    assert finding.cure == "raise timeout_s."


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        (Sqs("orders", **LETTERS), "what was not started in time is delivered again, and AWS counts that as"),
        (Kafka("orders", batch_size=10, **LETTERS), "the whole batch is delivered again, and never comes to"),
        (
            Kafka("orders", batch_size=10, pollers=(1, 2), partial_replies=True, **LETTERS),
            "what was not started in time is delivered again, and AWS counts that as",
        ),
        (AppSync("Query.order", batch_size=10), "whoever asked for what was not started in time is told an"),
    ],
    ids=lambda each: getattr(each, "kind", None),
)
def test_a_batch_that_does_not_fit_says_what_becomes_of_its_end(source: Source, ends: str) -> None:
    (finding,) = found(source, expected_s=3)

    assert (
        f"a batch of 10 at 3 s a record, 1 at once, does not fit into timeout_s=10: {ends} " in finding.what
    )
    assert finding.cure == "say batch_size=3 or less, or raise timeout_s."
