"""SQS and FIFO queues: what is declared, what a record carries, what comes again, what is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct

from wording import says
from worker_runtime import Batch, Defer, Halt, Record, Reject, Retry, Skip, Sqs, Stack, Worker, worker
from worker_runtime.clients.sqs import Attribute, Message, Queue
from worker_runtime.clock import using
from worker_runtime.errors import BatchFailed, DeclarationError
from worker_runtime.testing import RecordingSender, SteppedClock, message, run_on, sqs_event

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOP = Stack("shop")
ORDERS = Sqs("orders", dead_letters="orders-dlq")
GROUPED = Sqs("orders.fifo", max_receives=10, dead_letters="orders-dlq.fifo")


class Order(Struct):
    id: str = ""
    verdict: str = ""
    after_s: float = 0


def act(order: Order) -> None:
    """Raise what the order asks for."""
    match order.verdict:
        case "skip":
            raise Skip("told to")
        case "retry":
            raise Retry(order.after_s or None)
        case "defer":
            raise Defer(order.after_s, reason="busy")
        case "reject":
            raise Reject("TOLD_TO", "by the order")
        case "halt":
            raise Halt("told to")
        case "bug":
            raise KeyError("told to")


def worker_of(source: Sqs, **settings: Any) -> Worker[..., Any]:
    @worker(source, stack=SHOP, **settings)
    def act_on(order: Order) -> None:
        """Do what the order asks for."""
        act(order)

    return act_on


def listed(reply: Any, event: dict[str, Any]) -> list[int]:
    """Return the positions of the messages that come again."""
    ids = [each.get("messageId") for each in event["Records"]]
    return [ids.index(item["itemIdentifier"]) for item in reply["batchItemFailures"]]


def orders(*verdicts: str, queue: str = "orders", groups: str = "") -> dict[str, Any]:
    """Build a batch, one order a verdict; ``groups`` names one FIFO group a letter."""
    return {
        "Records": [
            message(
                {"verdict": verdict},
                at=at,
                queue=queue,
                group=groups[at] if groups else None,
            )
            for at, verdict in enumerate(verdicts)
        ]
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Sqs("orders", batch_size=0), "batch_size is 0; AWS takes 1 to 10000."),
        (Sqs("orders", batch_size=10_001, window_s=1), "batch_size is 10001; AWS takes 1 to 10000."),
        (Sqs("orders", batch_size=11), "batch_size above 10 needs a window; say window_s=1 or more."),
        (Sqs("orders", window_s=301), "window_s is 301; AWS takes 0 to 300."),
        (Sqs("orders", max_concurrency=1), "max_concurrency is 1; AWS takes 2 to 1000."),
        (Sqs("orders", max_concurrency=0), "max_concurrency is 0; AWS takes 2 to 1000."),
        (Sqs("orders", max_receives=0), "max_receives is 0; AWS takes 1 to 1000."),
        (Sqs("orders", visibility_s=43_201), "visibility_s is 43201; AWS takes 0 to 43200."),
        (Sqs("orders", visibility_s=59), "visibility_s is below the worker's time-out of 60 s; raise it."),
        (
            Sqs("orders", dead_letters="orders"),
            "is its own dead_letters, which never ends; name another queue.",
        ),
        (
            Sqs("orders", dead_letters="dlq.fifo"),
            "and its dead_letters must both be FIFO queues, or neither.",
        ),
        (Sqs("orders", filters=({"body": {"id": [{"nope": 1}]}},)), "~nope~"),
        (Sqs(""), "queue is ''; say a name of letters, digits, '-', '_' and '.'."),
        (Sqs("orders", dead_letters="the dlq"), "dead_letters is 'the dlq'; say a name of ~"),
        (Sqs("orders", dead_letters=7), "dead_letters is 7; say a name of ~"),  # type: ignore[arg-type] # the mistake
        (Sqs("orders", batch_size=2.5), "batch_size is 2.5; say a whole number from 1 to 10000."),  # type: ignore[arg-type] # the mistake
        (Sqs("orders", batch_size="10"), "batch_size is '10'; say a whole number from 1 to 10000."),  # type: ignore[arg-type] # the mistake
        (Sqs("orders", window_s=True), "window_s is True; say a whole number from 0 to 300."),
        (Sqs("orders", max_deferrals=-1), "max_deferrals is -1; say 0 to 999999999."),
        (
            Sqs("orders", spill_bucket="letters"),
            "has a spill_bucket and no dead_letters to fill it; name a queue.",
        ),
    ],
)
def test_settings_that_aws_refuses_or_that_lose_messages_are_refused(source: Sqs, expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"~{expected}")):
        worker_of(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Sqs("q.fifo", max_receives=10, batch_size=11), "batch_size is 11; AWS takes 1 to 10."),
        (Sqs("q.fifo", max_receives=10, window_s=1), "window_s is 1; AWS takes 0 to 0."),
        (
            Sqs("q.fifo"),
            "max_receives is 3; messages behind a failed one ~: say max_receives=10 or more.",
        ),
        (
            Sqs("q.fifo", max_receives=10, dead_letters="dlq"),
            "and its dead_letters must both be FIFO queues, or neither.",
        ),
    ],
)
def test_a_fifo_queue_has_limits_of_its_own(source: Sqs, expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"act_on: Sqs('q.fifo') {expected}")):
        worker_of(source)


def test_a_queue_s_visibility_is_the_worker_s_time_out_and_two_seconds() -> None:
    assert ORDERS.visibility_for(60) == 62
    assert Sqs("orders", visibility_s=300).visibility_for(60) == 300


def test_a_record_carries_what_its_sender_and_the_queue_said() -> None:
    seen: list[Record[Order]] = []

    @worker(ORDERS, stack=SHOP)
    def look(record: Record[Order]) -> None:
        """Keep what arrives."""
        seen.append(record)

    with using(SteppedClock(1_700_000_000)):
        sent = message({"id": "o-1"}, receives=3, attributes={"correlationId": "c-1", "origin": "web"})
    run_on(look, {"Records": [sent]})

    (record,) = seen
    assert record.id == sent["messageId"]
    assert record.body == Order("o-1")
    assert record.raw == sent
    assert record.attempt == 3
    assert record.sent_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert record.attributes == {"correlationId": "c-1", "origin": "web"}
    assert (record.correlation_id, record.lane, record.deferrals) == ("c-1", "", 0)


@pytest.mark.parametrize(
    ("body", "attributes", "expected"),
    [
        ({"correlationId": "in-body"}, {"correlationId": "in-attribute"}, "in-attribute"),
        ({"correlationId": "in-body"}, {}, "in-body"),
        ({"correlationId": "in-body"}, {"correlationId": "x" * 257}, "in-body"),
        ({"correlationId": 7}, {}, None),
        ({"correlationId": ""}, {}, None),
        ({"correlationId": "two\nlines"}, {}, None),
        ('{"correlationId": "cut off', {}, None),
        ('["correlationId"]', {}, None),
        ('{"correlationId":' + "[" * 100_000, {}, None),
        ({}, {}, None),
    ],
)
def test_a_correlation_id_comes_from_the_attribute_else_the_body_else_the_message(
    body: Any, attributes: dict[str, str], expected: str | None
) -> None:
    event = {"Records": [message(body, attributes=attributes)]}

    (record,) = ORDERS.records(event)

    assert record.correlation_id == (expected or record.id)


@pytest.mark.parametrize("verdicts", [("", ""), ("skip", ""), ("skip", "skip"), ("reject", "")], ids="-".join)
def test_done_skipped_and_rejected_messages_are_acknowledged(verdicts: tuple[str, ...]) -> None:
    assert run_on(worker_of(ORDERS), orders(*verdicts)) == {"batchItemFailures": []}


def test_an_empty_batch_is_done() -> None:
    assert run_on(worker_of(ORDERS), {"Records": []}) == {"batchItemFailures": []}


def test_only_failed_messages_come_again() -> None:
    event = orders("", "bug", "", "retry", "skip")

    reply = run_on(worker_of(ORDERS), event)

    assert listed(reply, event) == [1, 3]


@pytest.mark.parametrize(
    ("after_s", "hidden_s"),
    [(30, 30), (0.2, 1), (-5, 0), (1e9, 42_000), (float("inf"), 42_000), (float("nan"), 0)],
)
def test_a_retry_hides_its_message_as_long_as_it_asks(after_s: float, hidden_s: int) -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def wait(_order: Order) -> None:
        """Ask for time."""
        raise Retry(after_s)

    run_on(wait, orders(""), sender=sender)

    assert sender.hidden == {"receipt-0": hidden_s}


def test_a_retry_that_asks_for_no_time_leaves_the_queue_s_own_visibility() -> None:
    sender = RecordingSender()

    run_on(worker_of(ORDERS), orders("retry", "bug"), sender=sender)

    assert sender.hidden == {}


def test_a_visibility_that_cannot_be_changed_costs_nothing() -> None:
    event = {"Records": [message({"verdict": "retry", "after_s": 30})]}

    reply = run_on(worker_of(ORDERS), event, sender=RecordingSender(broken=["orders"]))

    assert listed(reply, event) == [0]


def test_a_verdict_that_asks_for_no_number_is_an_error_of_the_worker() -> None:
    @worker(ORDERS, stack=SHOP)
    def confuse(_order: Order) -> None:
        """Ask for what is no time."""
        raise Retry([30])  # type: ignore[arg-type] # the mistake

    event = orders("", "")

    assert listed(run_on(confuse, event), event) == [0, 1]


def test_after_a_halt_nothing_starts_and_all_that_is_left_waits_900_s() -> None:
    sender = RecordingSender()
    event = orders("", "reject", "bug", "halt", "", "reject")

    reply = run_on(worker_of(ORDERS), event, sender=sender)

    assert listed(reply, event) == [2, 3, 4, 5]
    assert sender.hidden == {f"receipt-{at}": 900 for at in (2, 3, 4, 5)}
    assert len(sender.sent) == 1


def test_a_deferral_is_sent_again_with_all_it_carried_and_no_receive_is_spent() -> None:
    sender = RecordingSender()
    sent = message(
        {"verdict": "defer", "after_s": 30}, attributes={"origin": "web", "correlationId": "c-1"}, receives=2
    )
    sent["attributes"]["AWSTraceHeader"] = "Root=1-5759e988-bd862e3fe1be46a994272793"
    sent["messageAttributes"]["photo"] = {"binaryValue": "//8=", "dataType": "Binary"}

    reply = run_on(worker_of(ORDERS), {"Records": [sent]}, sender=sender)

    ((queue, again),) = sender.sent
    assert reply == {"batchItemFailures": []}
    assert queue == "orders"
    assert again.body == sent["body"]
    assert again.delay_s == 30
    assert again.trace_header == "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert again.attributes == {
        "origin": Attribute("web"),
        "correlationId": Attribute("c-1"),
        "photo": Attribute(b"\xff\xff", "Binary"),
        "deferrals": "1",
    }


def test_a_deferral_without_a_correlation_id_carries_its_first_message_s() -> None:
    sender = RecordingSender()
    event = orders("defer")

    run_on(worker_of(ORDERS), event, sender=sender)

    ((_, again),) = sender.sent
    assert again.attributes["correlationId"] == event["Records"][0]["messageId"]


@pytest.mark.parametrize(
    ("after_s", "delay_s"), [(0, 0), (0.5, 1), (899.5, 900), (3600, 900), (-1, 0), (float("inf"), 900)]
)
def test_a_deferral_waits_as_long_as_sqs_can(after_s: float, delay_s: int) -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def put_off(_order: Order) -> None:
        """Put off."""
        raise Defer(after_s)

    run_on(put_off, orders(""), sender=sender)

    assert [each.delay_s for _, each in sender.sent] == [delay_s]


def test_deferrals_are_counted() -> None:
    sender = RecordingSender()
    event = {"Records": [message({"verdict": "defer"}, attributes={"deferrals": "4"})]}

    run_on(worker_of(ORDERS), event, sender=sender)

    ((_, again),) = sender.sent
    assert again.attributes["deferrals"] == "5"


def test_too_many_deferrals_are_a_rejection() -> None:
    sender = RecordingSender()
    event = {"Records": [message({"verdict": "defer"}, attributes={"deferrals": "2"})]}

    reply = run_on(worker_of(Sqs("orders", dead_letters="orders-dlq", max_deferrals=2)), event, sender=sender)

    ((queue, letter),) = sender.sent
    assert reply == {"batchItemFailures": []}
    assert queue == "orders-dlq"
    assert '"code":"TOO_MANY_DEFERRALS"' in str(letter.attributes["deadLetterReason"])
    assert "2 so far; the last: busy" in str(letter.attributes["deadLetterReason"])


@pytest.mark.parametrize("count", ["many", "-1", "9" * 5_000, "٣"])
def test_a_count_that_somebody_else_wrote_fails_nobody(count: str) -> None:
    event = {"Records": [message({"verdict": "defer"}, attributes={"deferrals": count}), message({}, at=1)]}

    assert run_on(worker_of(ORDERS), event) == {"batchItemFailures": []}


@pytest.mark.parametrize(("taken", "deferred"), [(8, True), (9, False), (10, False)])
def test_where_no_attribute_is_free_a_deferral_spends_a_receive(taken: int, deferred: bool) -> None:
    sender = RecordingSender()
    attributes = {f"a{number}": "x" for number in range(taken)}
    event = {"Records": [message({"verdict": "defer", "after_s": 30}, attributes=attributes)]}

    reply = run_on(worker_of(ORDERS), event, sender=sender)

    assert (listed(reply, event) == []) is deferred
    assert (sender.hidden == {}) is deferred
    assert [len(each.attributes) for _, each in sender.sent] == ([10] if deferred else [])


def test_a_deferral_that_cannot_be_sent_is_a_retry() -> None:
    event = orders("defer", "")

    reply = run_on(worker_of(ORDERS), event, sender=RecordingSender(broken=["orders"]))

    assert listed(reply, event) == [0]


class QueueSender(RecordingSender):
    """Sends to real queues, or would if anything could be sent."""

    def send(self, queue: str, messages: Sequence[Message]) -> list[Exception | None]:
        return [*Queue(f"http://{queue}.invalid").send(messages)]


def test_a_deferral_of_what_sqs_does_not_take_is_that_message_s_own_retry() -> None:
    @worker(ORDERS, stack=SHOP)
    def put_off(body: str) -> None:
        """Put off what is odd."""
        if body != "fine":
            raise Defer(30)

    event = sqs_event("fine", "odd \uffff", "fine")

    reply = run_on(put_off, event, sender=QueueSender())

    assert listed(reply, event) == [1]


def test_without_dead_letters_a_rejected_message_is_left_to_the_queue_s_redrive() -> None:
    sender = RecordingSender()
    event = orders("reject", "")

    reply = run_on(worker_of(Sqs("orders")), event, sender=sender)

    assert listed(reply, event) == [0]
    assert sender.sent == []


def test_a_dead_letter_that_cannot_be_written_is_a_retry() -> None:
    event = orders("reject", "", "reject")

    reply = run_on(worker_of(ORDERS), event, sender=RecordingSender(broken=["orders-dlq"]))

    assert listed(reply, event) == [0, 2]


def test_ids_that_repeat_are_listed_once() -> None:
    event = orders("bug", "bug", "")
    for record in event["Records"]:
        record["messageId"] = "twin"

    assert run_on(worker_of(ORDERS), event) == {"batchItemFailures": [{"itemIdentifier": "twin"}]}


@pytest.mark.parametrize("missing", ["", None, 7])
def test_a_failed_message_without_an_id_makes_the_whole_batch_come_again(missing: Any) -> None:
    event = orders("bug", "")
    event["Records"][0]["messageId"] = missing

    with pytest.raises(BatchFailed, match="1 failed records have no id that a reply could name"):
        run_on(worker_of(ORDERS), event)


FIELDS = ["messageId", "receiptHandle", "body", "attributes", "messageAttributes", "eventSourceARN"]


@pytest.mark.parametrize("verdict", ["", "reject", "retry", "defer"])
@pytest.mark.parametrize("field", FIELDS)
def test_a_message_that_lacks_a_field_fails_no_neighbour(field: str, verdict: str) -> None:
    seen: list[str] = []

    @worker(ORDERS, stack=SHOP)
    def note(order: Order) -> None:
        """Note what arrives."""
        seen.append(order.id)
        act(order)

    event = {
        "Records": [
            message({"id": "first"}, at=0),
            message({"verdict": verdict, "after_s": 1}, at=1),
            message({"id": "last"}, at=2),
        ]
    }
    del event["Records"][1][field]

    if field == "messageId" and verdict == "retry":
        with pytest.raises(BatchFailed):
            run_on(note, event)
    else:
        assert set(listed(run_on(note, event), event)) <= {1}
    assert {"first", "last"} <= set(seen)


@pytest.mark.parametrize(
    "spoil",
    [
        {"messageAttributes": {"a": {"dataType": "Binary", "binaryValue": "?"}}},
        {"messageAttributes": {"a": {"dataType": "String"}}},
        {"messageAttributes": {"a": {}}},
        {"attributes": {"ApproximateReceiveCount": "x", "SentTimestamp": "y"}},
        {"attributes": {"SentTimestamp": "9" * 30}},
        {"attributes": []},
        {"body": None},
        {"body": 7},
        {"body": {"id": "parsed already"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("verdict", ["reject", "defer", "retry"])
def test_a_message_that_sqs_would_not_send_is_still_never_lost(spoil: dict[str, Any], verdict: str) -> None:
    sender = RecordingSender()
    event = orders("", verdict, "")
    event["Records"][1] |= spoil

    reply = run_on(worker_of(ORDERS), event, sender=sender)

    assert listed(reply, event) == [] if sender.sent else [1]


def test_a_group_waits_behind_its_failed_message_and_other_groups_go_on() -> None:
    event = orders("", "bug", "", "reject", "", queue="orders.fifo", groups="abaab")
    seen: list[int] = []

    @worker(GROUPED, stack=SHOP)
    def note(record: Record[Order]) -> None:
        """Note the order of arrival."""
        seen.append(int(record.raw["attributes"]["MessageDeduplicationId"]))
        act(record.body)

    reply = run_on(note, event)

    assert listed(reply, event) == [1, 4]
    assert seen == [0, 1, 2, 3]


def test_a_rejected_message_of_a_group_is_dead_lettered_and_the_group_goes_on() -> None:
    sender = RecordingSender()
    event = orders("reject", "", "", queue="orders.fifo", groups="aaa")

    reply = run_on(worker_of(GROUPED), event, sender=sender)

    ((queue, letter),) = sender.sent
    assert reply == {"batchItemFailures": []}
    assert (queue, letter.group_id) == ("orders-dlq.fifo", "a")


def test_a_group_s_dead_letter_is_written_before_its_next_message_starts() -> None:
    sender = RecordingSender()
    written: list[int] = []

    @worker(GROUPED, stack=SHOP)
    def note(order: Order) -> None:
        """Note what was written by then."""
        written.append(len(sender.sent))
        act(order)

    run_on(note, orders("reject", "reject", "", queue="orders.fifo", groups="aaa"), sender=sender)

    assert written == [0, 1, 2]


def test_a_group_stops_where_its_dead_letter_cannot_be_written() -> None:
    event = orders("reject", "", "", queue="orders.fifo", groups="aab")

    reply = run_on(worker_of(GROUPED), event, sender=RecordingSender(broken=["orders-dlq.fifo"]))

    assert listed(reply, event) == [0, 1]


def test_a_fifo_deferral_is_a_retry_since_a_copy_would_be_overtaken() -> None:
    sender = RecordingSender()
    event = {
        "Records": [
            message({"verdict": "defer", "after_s": 30}, at=0, queue="orders.fifo", group="a"),
            message({}, at=1, queue="orders.fifo", group="a"),
            message({}, at=2, queue="orders.fifo", group="b"),
        ]
    }

    reply = run_on(worker_of(GROUPED), event, sender=sender)

    assert listed(reply, event) == [0, 1]
    assert sender.sent == []
    assert sender.hidden == {"receipt-0": 30, "receipt-1": 30}


def test_a_halt_on_a_fifo_queue_holds_back_every_group() -> None:
    sender = RecordingSender()
    event = orders("", "halt", "", "", queue="orders.fifo", groups="abab")

    reply = run_on(worker_of(GROUPED), event, sender=sender)

    assert listed(reply, event) == [1, 2, 3]
    assert sender.hidden == {f"receipt-{at}": 900 for at in (1, 2, 3)}


def test_nothing_of_one_invocation_leaks_into_the_next() -> None:
    act_on = worker_of(GROUPED)
    run_on(act_on, orders("bug", "", queue="orders.fifo", groups="aa"))

    reply = run_on(act_on, orders("", "", queue="orders.fifo", groups="aa"))

    assert reply == {"batchItemFailures": []}


def test_what_a_batch_worker_did_behind_its_group_s_failed_message_comes_again_unsent() -> None:
    sender = RecordingSender()

    @worker(GROUPED, stack=SHOP)
    def mark(batch: Batch[Order]) -> None:
        """Mark as the orders ask."""
        for record in batch:
            try:
                act(record.body)
            except Exception as error:
                batch.fail(record, error)

    event = orders("retry", "reject", "", "reject", queue="orders.fifo", groups="aaab")

    reply = run_on(mark, event, sender=sender)

    assert listed(reply, event) == [0, 1, 2]
    assert [letter.group_id for _, letter in sender.sent] == ["b"]


def test_a_queue_is_described_with_all_its_settings() -> None:
    described = GROUPED.describe(timeout_s=60)

    assert described["kind"] == "sqs_fifo"
    assert described["name"] == "orders.fifo"
    assert described["maxReceives"] == 10
    assert described["visibilityS"] == 62


def test_a_fifo_queue_is_granted_no_sending_to_itself() -> None:
    actions = {grant.name: grant.actions for grant in GROUPED.grants()}

    assert "sqs:SendMessage" not in actions["orders.fifo"]
    assert actions["orders-dlq.fifo"] == ("sqs:SendMessage",)


def test_a_body_may_be_taken_as_it_is() -> None:
    seen: list[bytes] = []

    @worker(ORDERS, stack=SHOP)
    def take(body: bytes) -> None:
        """Take anything."""
        seen.append(body)

    run_on(take, sqs_event("no JSON", "Grüße"))

    assert seen == [b"no JSON", "Grüße".encode()]
