"""Topics: messages one by one, what is beside them, filter policies that SNS takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from conformance import FOLDER, params
from doors import door_of
from junk import JUNK, places, replaced
from verdicts import act
from wording import says
from worker_runtime import Record, S3Object, Sns, Stack, Worker, worker
from worker_runtime.errors import BatchFailed, DeclarationError, InvalidPattern, UnrecognisedEvent
from worker_runtime.testing import (
    RecordingSender,
    event_bridge_event,
    kinesis_event,
    run_on,
    s3_event,
    s3_test_event,
    schedule_event,
    sns_event,
    sqs_event,
)

if TYPE_CHECKING:
    from installed import Site

SHOP = Stack("shop")
ORDERS = Sns("orders", dead_letters="orders-dlq")


class Order(Struct):
    id: str
    verdict: str = ""


class Person(BaseModel):
    name: str


class Parcel(TypedDict):
    weight_g: int


def taking(
    seen: list[Record[Any]] | None = None, source: Sns = ORDERS, *, model: Any = Order
) -> Worker[..., Any]:
    def take(order: Any) -> str:
        """Do what the order says."""
        if seen is not None:
            seen.append(order)
        act(getattr(order.body, "verdict", ""))
        return getattr(order.body, "id", "")

    take.__annotations__["order"] = Record[model]
    return worker(source, stack=SHOP)(take)


def letters(sender: RecordingSender) -> list[Any]:
    return [json.loads(letter.body) for _, letter in sender.sent]


@pytest.mark.parametrize(
    ("model", "sent", "taken"),
    [
        (Order, {"id": "1"}, Order("1")),
        (Person, {"name": "Ann"}, Person(name="Ann")),
        (Parcel, {"weight_g": 7}, {"weight_g": 7}),
        (dict[str, Any], {"a": [1]}, {"a": [1]}),
        (bytes, "Hello from SNS!", b"Hello from SNS!"),
        (str, '{"a": 1}', '{"a": 1}'),
    ],
    ids=["struct", "pydantic", "typed dict", "dict", "bytes", "str"],
)
def test_a_message_becomes_the_worker_s_type(model: Any, sent: Any, taken: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=model), sns_event(sent))

    assert [each.body for each in seen] == [taken]


def test_a_record_says_what_sns_says_of_its_message() -> None:
    seen: list[Record[Any]] = []
    event = sns_event({"id": "1"}, subject="An order", attributes={"origin": "web"})
    told = event["Records"][0]["Sns"]
    told["Timestamp"] = "2019-01-02T12:45:07.000Z"
    told["MessageAttributes"] |= {
        "tags": {"Type": "String.Array", "Value": '["a", "b"]'},
        "photo": {"Type": "Binary", "Value": "//8="},
    }

    run_on(taking(seen), event)

    (record,) = seen
    assert record.id == record.origin_id == record.correlation_id == told["MessageId"]
    assert record.sent_at == datetime(2019, 1, 2, 12, 45, 7, tzinfo=UTC)
    assert record.attributes == {
        "origin": "web",
        "tags": '["a", "b"]',
        "photo": "//8=",
        "Subject": "An order",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:topic",
    }


@pytest.mark.parametrize(
    ("message", "attributes"),
    [
        ({"id": "1"}, {"correlationId": "c-1"}),
        ({"id": "1", "correlationId": "c-1"}, None),
        ({"id": "1", "correlationId": "inner"}, {"correlationId": "c-1"}),
    ],
)
def test_the_sender_s_correlation_id_is_carried_on(message: Any, attributes: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen), sns_event(message, attributes=attributes))

    assert [each.correlation_id for each in seen] == ["c-1"]


def test_an_event_in_a_message_is_opened_and_known_by_its_own_id() -> None:
    seen: list[Record[Any]] = []
    event = event_bridge_event({"id": "1", "correlationId": "c-1"}, source="shop", at=7)

    run_on(taking(seen), sns_event(event))

    (record,) = seen
    assert record.body == Order("1")
    assert (record.origin_id, record.correlation_id) == (event["id"], "c-1")
    assert record.id != event["id"]
    assert record.attributes["source"] == "shop"
    assert record.attributes["TopicArn"].endswith(":topic")


def test_a_worker_of_objects_takes_the_bucket_s_event_inside_and_skips_its_test() -> None:
    seen: list[Record[Any]] = []
    worker_of_objects = taking(seen, model=S3Object)

    run_on(worker_of_objects, sns_event(s3_event("a b")))
    run_on(worker_of_objects, sns_event(s3_test_event()))

    assert [each.body.key for each in seen] == ["a b"]


@pytest.mark.parametrize(("verdict", "reply"), [("", "1"), ("skip", None)])
def test_the_worker_s_word_on_one_message_is_the_reply(verdict: str, reply: Any) -> None:
    sender = RecordingSender()

    assert run_on(taking(), sns_event({"id": "1", "verdict": verdict}), sender=sender) == reply
    assert not sender.sent


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        ("retry", "Retry"),
        ("retry_in", "Retry"),
        ("defer", "Defer"),
        ("halt", "Halt"),
        ("bug", "KeyError"),
    ],
)
def test_what_is_to_come_again_is_raised_under_its_own_name(verdict: str, name: str) -> None:
    with pytest.raises(Exception, match=r"told to|retry|deferred") as raised:
        run_on(taking(), sns_event({"id": "1", "verdict": verdict}))

    assert type(raised.value).__name__ == name


def test_a_rejected_message_is_dead_lettered_as_its_record() -> None:
    sender = RecordingSender()
    event = sns_event({"id": "1"}, {"id": "2", "verdict": "reject"}, "no JSON")

    run_on(taking(), event, sender=sender)

    rejected, undecodable = letters(sender)
    assert (rejected["source"], rejected["code"]) == ("sns", "TOLD_TO")
    assert rejected["record"] == event["Records"][1]
    assert rejected["recordId"] == event["Records"][1]["Sns"]["MessageId"]
    assert (undecodable["code"], undecodable["record"]) == ("UNDECODABLE", event["Records"][2])


def test_where_one_message_comes_again_all_do_and_no_letter_is_written() -> None:
    sender = RecordingSender()

    with pytest.raises(Exception, match=r"malformed|told to"):
        run_on(taking(), sns_event("no JSON", {"id": "1", "verdict": "bug"}), sender=sender)

    assert not sender.sent


def test_what_the_deadline_keeps_from_starting_is_raised() -> None:
    with pytest.raises(BatchFailed, match="it was not started"):
        run_on(taking(), sns_event({"id": "1"}), remaining_s=1)


SAMPLE = sns_event({"id": "1"}, {"id": "2"}, subject="s", attributes={"a": "b"})


@given(path=st.sampled_from([*places(SAMPLE["Records"][0])]), junk=JUNK)
def test_whatever_stands_in_a_record_the_others_are_taken(path: tuple[str | int, ...], junk: Any) -> None:
    sender, seen = RecordingSender(), list[Record[Any]]()

    try:
        run_on(taking(seen), replaced(SAMPLE, ("Records", 0, *path), junk), sender=sender)
    except UnrecognisedEvent:
        assert path == ("EventSource",)
    else:
        assert seen[-1].body == Order("2")
        assert len(seen) + len(sender.sent) == 2
        assert all(isinstance(value, str) for each in seen for value in each.attributes.values())
        assert all(each.sent_at is None or each.sent_at.tzinfo is UTC for each in seen)
        assert all(each.id and each.correlation_id and each.origin_id for each in seen)


@given(junk=JUNK)
def test_a_record_that_is_no_record_is_rejected_by_itself(junk: Any) -> None:
    sender, seen = RecordingSender(), list[Record[Any]]()

    run_on(taking(seen), {"Records": [*SAMPLE["Records"], junk]}, sender=sender)

    assert len(seen) == 2
    assert [letter["code"] for letter in letters(sender)] == ["UNDECODABLE"]


OTHERS = {
    "queue": sqs_event("{}"),
    "bucket": s3_event("a"),
    "test of a bucket": s3_test_event(),
    "stream": kinesis_event({}),
    "schedule": schedule_event(),
    "event": event_bridge_event({}),
    "list": [],
    "null": None,
    "a batch of nothing known": {"Records": [7]},
}


@pytest.mark.parametrize("event", OTHERS.values(), ids=OTHERS)
def test_the_events_of_other_sources_are_refused(event: Any) -> None:
    with pytest.raises(UnrecognisedEvent, match=says("test.take takes sns orders; this event is ~")):
        run_on(taking(), event)


def events_of_aws() -> list[dict[str, Any]]:
    files = sorted((FOLDER / "events").glob("*.json"))
    return [{"name": file.stem, "event": json.loads(file.read_text(encoding="utf-8"))} for file in files]


@pytest.mark.parametrize("case", params(events_of_aws(), name="name"))
def test_of_all_sample_events_those_of_topics_are_taken(case: Any) -> None:
    seen: list[Record[Any]] = []

    if case["name"] == "powertools_snsEvent":
        run_on(taking(seen, model=str), case["event"])
        (record,) = seen
        assert record.body == "Hello from SNS!"
        assert record.attributes["Test"] == "TestString"
        assert record.attributes["Subject"] == "TestInvoke"
    else:
        assert not ORDERS.recognises(case["event"])


def test_of_two_topics_the_record_says_whose_it_is() -> None:
    sender = RecordingSender()

    @worker(ORDERS, Sns("returns", dead_letters="returns-dlq"), stack=SHOP)
    def take(order: Order) -> None:
        """Do what the order says."""
        act(order.verdict)

    for topic in ("qa1-orders", "qa1-returns"):
        run_on(take, sns_event({"id": "1", "verdict": "reject"}, topic=topic), sender=sender)

    assert [queue for queue, _ in sender.sent] == ["orders-dlq", "returns-dlq"]


REFUSED = [
    (Sns("orders"), "has no dead_letters; what is rejected or given up would be lost. Name a queue."),
    (Sns("or ders", dead_letters="d"), "topic is 'or ders'; say a name of ~"),
    (Sns("orders.fifo", dead_letters="d"), "is a FIFO topic, which invokes no function; ~ say Sqs."),
    (Sns("orders", dead_letters="d", max_age_s=1), "max_age_s is 1; AWS takes 60 to 21600."),
]


@pytest.mark.parametrize(("source", "expected"), REFUSED, ids=[expected[:30] for _, expected in REFUSED])
def test_what_sns_refuses_or_what_loses_messages_is_refused_when_it_is_declared(
    source: Sns, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=says(f"take: Sns({source.topic!r}) {expected}")):
        taking(None, source)


def test_a_filter_policy_is_checked_when_it_is_declared() -> None:
    with pytest.raises(InvalidPattern, match="say scope MessageBody"):
        taking(None, Sns("orders", filter_policy={"order": {"kind": ["gift"]}}, dead_letters="d"))


def test_the_manifest_says_what_the_subscription_is_made_from() -> None:
    policy = {"order": {"kind": ["gift"]}}
    source = Sns("orders", filter_policy=policy, filter_policy_scope="MessageBody", dead_letters="d")

    taking(None, source)

    assert source.describe(timeout_s=60) == {
        "kind": "sns",
        "name": "orders",
        "topic": "orders",
        "filterPolicy": policy,
        "filterPolicyScope": "MessageBody",
        "retries": 2,
        "maxAgeS": 21_600,
        "deadLetters": "d",
        "spillBucket": None,
    }


def test_lambda_s_door_takes_a_topic_s_event(installed_plugin: Site) -> None:
    source = '''
        from msgspec import Struct
        from worker_runtime import Sns, Stack, worker

        class Order(Struct):
            id: str

        @worker(Sns("orders", filter_policy={"kind": ["gift"]}, dead_letters="d"), stack=Stack("shop"))
        def work(order: Order) -> str:
            """Say the id."""
            return order.id
    '''
    installed_plugin.install_plugin("shop", worker=source)

    with door_of(installed_plugin, "shop.work") as handle:
        assert handle(sns_event({"id": "1"})) == "1"
