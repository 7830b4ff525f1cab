"""Records of Kafka topics: values decoded, poison as itself, failed offsets listed or the batch raised."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from conformance import sample
from verdicts import act
from wording import says
from worker_runtime import Batch, Kafka, Middleware, Record, Stack, Worker, correlation_id, worker
from worker_runtime.errors import BatchFailed, DeclarationError, Reject, ReplyRefused, UnrecognisedEvent
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, ready, run_on

SHOP = Stack("shop")
ALL_AGAIN = Kafka("orders", dead_letters="orders-dlq")
PARTIAL = Kafka("orders", dead_letters="orders-dlq", pollers=(1, 5), partial_replies=True)


class Order(Struct):
    id: str
    verdict: str = ""


def worker_of(source: Kafka, seen: list[str] | None = None, **settings: Any) -> Worker[..., Any]:
    @worker(source, stack=SHOP, **settings)
    def act_on(order: Order) -> None:
        """Do what the order asks for."""
        if seen is not None:
            seen.append(order.id)
        act(order.verdict)

    return act_on


def record(made: Any, *, offset: int, partition: int = 0, **changed: Any) -> dict[str, Any]:
    data = made if isinstance(made, bytes) else json.dumps(made).encode()
    return {
        "topic": "orders",
        "partition": partition,
        "offset": offset,
        "timestamp": 1_700_000_000_000 + offset,
        "timestampType": "CREATE_TIME",
        "key": b64encode(b"k").decode(),
        "value": b64encode(data).decode(),
        "headers": [],
        **changed,
    }


def event(*partitions: list[dict[str, Any]]) -> dict[str, Any]:
    named = {f"orders-{at}": batch for at, batch in enumerate(partitions)}
    return {"eventSource": "SelfManagedKafka", "bootstrapServers": "b-1:9092", "records": named}


def orders(*verdicts: str, partition: int = 0) -> list[dict[str, Any]]:
    return [
        record({"id": f"{partition}.{at}", "verdict": verdict}, offset=90 + at, partition=partition)
        for at, verdict in enumerate(verdicts)
    ]


def listed(reply: Any) -> list[tuple[str, int]]:
    items = [item["itemIdentifier"] for item in reply["batchItemFailures"]]
    return [(item["partition"], item["offset"]) for item in items]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"dead_letters": None}, "has no dead_letters; what is rejected would be lost. Name a queue."),
        ({"dead_letters": "d.fifo"}, "dead_letters is FIFO; ~"),
        ({"batch_size": 10_001}, "batch_size is 10001; AWS takes 1 to 10000."),
        ({"window_s": 301}, "window_s is 301; AWS takes 0 to 300."),
        ({"start": "NOW"}, "start is 'NOW'; ~"),
        ({"group": "a b"}, "group is 'a b'; ~"),
        ({"partial_replies": True}, "partial_replies needs provisioned mode; say pollers=(least, most)~"),
        ({"bisect": True}, "bisect needs provisioned mode; ~"),
        ({"retries": 3}, "retries needs provisioned mode; ~"),
        ({"max_age_s": 60}, "max_age_s needs provisioned mode; ~"),
        ({"pollers": (3, 2)}, "pollers is (3, 2); say the least first."),
        ({"pollers": 3}, "pollers is 3; say two numbers: (least, most)."),
        ({"pollers": (0, 2)}, "pollers is 0; AWS takes 1 to 2000."),
    ],
    ids=str,
)
def test_settings_are_refused_that_aws_refuses_or_that_lose_records(
    changed: dict[str, Any], expected: str
) -> None:
    given: dict[str, Any] = {"dead_letters": "d", **changed}
    with pytest.raises(DeclarationError, match=says(f"act_on: Kafka('orders') {expected}")):
        worker_of(Kafka("orders", **given))


def test_a_bad_filter_fails_where_it_is_declared() -> None:
    with pytest.raises(DeclarationError, match="nope"):
        worker_of(Kafka("orders", dead_letters="d", filters=({"value": {"n": [{"nope": 1}]}},)))


def test_it_is_described_by_its_settings_and_granted_cluster_login_and_dead_letters() -> None:
    source = Kafka("orders", cluster="sales", secret="kafka-login", dead_letters="d", pollers=(1, 2))

    described = source.describe(timeout_s=60)

    assert (described["kind"], described["name"], described["reports"]) == ("kafka", "orders", "nothing")
    assert (described["pollers"], described["batchSize"], described["windowS"]) == ((1, 2), 100, None)
    assert [(grant.kind, grant.name, grant.variable) for grant in source.grants()] == [
        ("cluster", "sales", "SALES_CLUSTER_ARN"),
        ("secret", "kafka-login", "KAFKA_LOGIN_SECRET_ID"),
        ("queue", "d", "D_QUEUE_URL"),
    ]
    assert PARTIAL.describe(timeout_s=60)["reports"] == "batchItemFailures"


def test_what_fails_makes_the_whole_batch_come_again_and_nothing_more_starts() -> None:
    seen: list[str] = []
    sender = RecordingSender()

    with pytest.raises(BatchFailed, match=says("record orders-0:91 of 5 failed: ~told to~")):
        run_on(
            worker_of(ALL_AGAIN, seen),
            event(orders("", "bug", ""), orders("reject", "", partition=1)),
            sender=sender,
        )

    assert seen == ["0.0", "0.1"]
    assert sender.sent == []


def test_with_partial_replies_a_partition_comes_again_from_its_first_failure_and_others_go_on() -> None:
    seen: list[str] = []

    reply = run_on(worker_of(PARTIAL, seen), event(orders("", "retry", ""), orders("", "", partition=1)))

    assert listed(reply) == [("orders-0", 91), ("orders-0", 92)]
    assert seen == ["0.0", "0.1", "1.0", "1.1"]


@pytest.mark.parametrize("source", [ALL_AGAIN, PARTIAL], ids=["all again", "partial"])
def test_all_done_is_an_empty_list(source: Kafka) -> None:
    assert run_on(worker_of(source), event(orders("", "skip"))) == {"batchItemFailures": []}


@pytest.mark.parametrize("source", [ALL_AGAIN, PARTIAL], ids=["all again", "partial"])
@pytest.mark.parametrize("poison", [b"no json", b"\xff", {"id": 7}], ids=repr)
def test_poison_and_what_is_rejected_goes_to_the_dead_letters_whole_and_is_committed(
    source: Kafka, poison: Any
) -> None:
    sender = RecordingSender()
    batch = [record(poison, offset=1), record({"id": "2"}, offset=2)]

    reply = run_on(worker_of(source), event(batch, orders("reject", partition=1)), sender=sender)

    assert reply == {"batchItemFailures": []}
    letters = [json.loads(message.body) for queue, message in sender.sent if queue == "orders-dlq"]
    assert [(letter["code"], letter["recordId"]) for letter in letters] == [
        ("UNDECODABLE", "orders-0:1"),
        ("TOLD_TO", "orders-1:90"),
    ]
    assert letters[0]["record"] == batch[0]


def test_a_dead_letter_that_cannot_be_written_makes_a_retry_of_its_record() -> None:
    sender = RecordingSender(broken=["orders-dlq"])

    reply = run_on(worker_of(PARTIAL), event(orders("reject", "")), sender=sender)

    assert listed(reply) == [("orders-0", 90), ("orders-0", 91)]


def test_a_rejection_is_lettered_once_however_often_the_whole_batch_comes_again() -> None:
    sender = RecordingSender()
    batch = event(orders("reject", "retry"))

    for _ in range(3):
        with pytest.raises(BatchFailed):
            run_on(worker_of(ALL_AGAIN), batch, sender=sender)
    run_on(worker_of(ALL_AGAIN), event(orders("reject", "")), sender=sender)

    assert len(sender.sent) == 1


@pytest.mark.parametrize("source", [ALL_AGAIN, PARTIAL], ids=["all again", "partial"])
def test_a_halt_is_raised_and_nothing_more_starts(source: Kafka) -> None:
    seen: list[str] = []

    with pytest.raises(BatchFailed):
        run_on(worker_of(source, seen), event(orders("halt", ""), orders("", partition=1)))

    assert seen == ["0.0"]


def test_partitions_run_side_by_side_each_in_order() -> None:
    seen: list[str] = []
    partitions = [orders(*[""] * 20, partition=at) for at in range(4)]

    run_on(worker_of(PARTIAL, seen, concurrency=4), event(*partitions))

    for partition in map(str, range(4)):
        ours = [each for each in seen if each.startswith(f"{partition}.")]
        assert ours == [f"{partition}.{at}" for at in range(20)]


def test_a_batch_may_be_marked_record_by_record() -> None:
    sender = RecordingSender()

    @worker(PARTIAL, stack=SHOP)
    def mark(batch: Batch[Order]) -> None:
        """Mark what the orders ask for."""
        for each in batch:
            if each.body.verdict == "reject":
                batch.reject(each, "TOLD_TO")
            if each.body.verdict == "retry":
                batch.retry(each)

    reply = run_on(mark, event(orders("reject", "", "retry", "reject", "")), sender=sender)

    assert listed(reply) == [("orders-0", 92), ("orders-0", 93), ("orders-0", 94)]
    assert len(sender.sent) == 1  # the second rejection comes again with what failed before it


def test_a_tombstone_reads_as_null() -> None:
    seen: list[Order | None] = []

    @worker(ALL_AGAIN, stack=SHOP)
    def take(order: Order | None) -> None:
        """Take an order, or that there is none any more."""
        seen.append(order)

    run_on(take, event([record({"id": "1"}, offset=1), record(b"", offset=2, value=None)]))

    assert seen == [Order("1"), None]


def test_a_record_tells_when_it_was_made_its_headers_and_what_caused_it() -> None:
    told: list[Any] = []
    headers = [{"correlationId": list(b"c-1")}, {"tag": [-61, -87]}, {"bytes": [255]}, {"odd": "text"}, None]

    @worker(ALL_AGAIN, stack=SHOP)
    def tell(record: Record[Order]) -> None:
        """Tell about a record."""
        told.append(
            (record.sent_at and record.sent_at.timestamp(), dict(record.attributes), correlation_id())
        )

    run_on(
        tell,
        event(
            [
                record({"id": "1"}, offset=1, headers=headers),
                record({"id": "2", "correlationId": "c-2"}, offset=2),
                record({"id": "3"}, offset=3),
            ]
        ),
    )

    assert told == [
        (1_700_000_000.001, {"correlationId": "c-1", "tag": "é"}, "c-1"),
        (1_700_000_000.002, {}, "c-2"),
        (1_700_000_000.003, {}, "orders-0:3"),
    ]


def test_of_several_topics_the_one_that_is_named_takes_the_event() -> None:
    told: list[str] = []

    @worker(Kafka("refunds", dead_letters="d"), Kafka("orders", dead_letters="orders-dlq"), stack=SHOP)
    def take(order: Order) -> None:
        """Take an order."""
        told.append(order.id)
        raise Reject("NO")

    sender = RecordingSender()
    run_on(take, event(orders("")), sender=sender)

    assert [queue for queue, _ in sender.sent] == ["orders-dlq"]


def replying(reply: Any) -> Any:
    around = Middleware("forger", around_invocation=lambda call: lambda given: (call(given), reply)[1])
    forged = ready(worker_of(PARTIAL), middleware=(around,))
    return run(forged, event(orders("", "retry")), context=Context(), sender=RecordingSender())


FAILED = {"itemIdentifier": {"partition": "orders-0", "offset": 91}}


@pytest.mark.parametrize(
    "reply",
    [
        *(None, {}, {"batchItemFailures": []}, {"batchItemFailures": [FAILED, FAILED]}),
        {"batchItemFailures": [FAILED, {"itemIdentifier": "orders-0:90"}]},
        {"batchItemFailures": [FAILED, {"itemIdentifier": {"partition": "orders-0", "offset": "90"}}]},
        {"batchItemFailures": [FAILED, {"itemIdentifier": {"partition": "orders-9", "offset": 90}}]},
    ],
    ids=str,
)
def test_middleware_cannot_say_what_aws_would_read_as_something_else(reply: Any) -> None:
    with pytest.raises(ReplyRefused):
        replying(reply)


def test_middleware_may_list_more_of_the_batch() -> None:
    more = {"batchItemFailures": [{"itemIdentifier": {"partition": "orders-0", "offset": 90}}, FAILED]}

    assert replying(more) == more


@pytest.mark.parametrize("records", [{"orders-0": [{}]}, {"orders-0": None}, {"orders-0": ["x"]}], ids=str)
def test_records_that_no_reply_could_name_fail_the_batch(records: Any) -> None:
    with pytest.raises(BatchFailed):
        run_on(worker_of(PARTIAL), {**event(), "records": records})


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary().map(repr),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["topic", "partition", "timestamp", "timestampType", "key", "value", "headers"]


@given(field=st.sampled_from(FIELDS), value=junk)
@example(field="headers", value=[{"h": [10**30, "x"]}])
@example(field="value", value="====")
def test_whatever_stands_in_a_record_the_others_are_taken(field: str, value: Any) -> None:
    seen: list[str] = []
    first = record({"id": "1"}, offset=1, **{field: value})

    reply = run_on(worker_of(PARTIAL, seen), event([first, record({"id": "2"}, offset=2)]))

    assert reply == {"batchItemFailures": []}
    assert seen[-1:] == ["2"]


@given(st.lists(st.sampled_from(["", "skip", "retry", "reject", "bug"]), min_size=1, max_size=8), st.data())
def test_of_any_batch_each_record_is_done_or_dead_or_comes_again(verdicts: list[str], data: Any) -> None:
    split = data.draw(st.integers(0, len(verdicts)))
    seen: list[str] = []
    sender = RecordingSender()

    reply = run_on(
        worker_of(PARTIAL, seen),
        event(orders(*verdicts[:split]), orders(*verdicts[split:], partition=1)),
        sender=sender,
    )

    again = {f"{name[-1]}.{offset - 90}" for name, offset in listed(reply)}
    dead = {json.loads(message.body)["recordId"] for _, message in sender.sent}
    places = [(f"{int(at >= split)}.{at - split * (at >= split)}", v) for at, v in enumerate(verdicts)]
    for place, verdict in places:
        partition, at = place.split(".")
        rejected = f"orders-{partition}:{90 + int(at)}" in dead
        assert (place in again) + rejected + (place in seen and verdict in ("", "skip")) == 1
        if verdict in ("retry", "bug"):
            assert place in again


@pytest.mark.parametrize("source", ["aws:kafka", "SelfManagedKafka"])
def test_recorded_events_are_taken(source: str) -> None:
    seen: list[Any] = []

    @worker(Kafka("mytopic", dead_letters="d"), stack=SHOP)
    def take(value: dict[str, Any]) -> None:
        """Take anything."""
        seen.append(value)

    reply = run_on(take, {**sample("powertools_kafkaEventMsk"), "eventSource": source})

    assert (reply, seen) == ({"batchItemFailures": []}, [{"key": "value"}])


@pytest.mark.parametrize("name", ["powertools_activeMQEvent", "powertools_rabbitMQEvent"])
def test_events_of_other_brokers_are_refused(name: str) -> None:
    with pytest.raises(UnrecognisedEvent, match="takes kafka orders"):
        run_on(worker_of(ALL_AGAIN), sample(name))
