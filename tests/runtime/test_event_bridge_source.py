"""Rules that match events: the detail in, what is beside it, the worker's word back."""

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
from worker_runtime import EventBridge, Record, S3Object, Stack, Worker, worker
from worker_runtime.errors import BatchFailed, DeclarationError, InvalidPattern, UnrecognisedEvent
from worker_runtime.testing import (
    RecordingSender,
    event_bridge_event,
    kinesis_event,
    run_on,
    s3_event,
    schedule_event,
    sns_event,
    sqs_event,
)

if TYPE_CHECKING:
    from installed import Site

SHOP = Stack("shop")
PATTERN = {"source": ["shop"], "detail": {"id": [{"exists": True}]}}
ORDERS = EventBridge("orders", pattern=PATTERN, dead_letters="orders-dlq")


class Order(Struct):
    id: str
    verdict: str = ""


class Person(BaseModel):
    name: str


class Parcel(TypedDict):
    weight_g: int


def taking(
    seen: list[Record[Any]] | None = None, source: EventBridge = ORDERS, *, model: Any = Order
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


def object_event(detail_type: str = "Object Created", **detail: Any) -> dict[str, Any]:
    thing = {"key": "a b+c.jpg", "size": 7, "etag": "e", "version-id": "v", "sequencer": "0A"}
    told = {"version": "0", "bucket": {"name": "uploads"}, "object": thing, "reason": "PutObject"}
    return event_bridge_event({**told, **detail}, source="aws.s3", detail_type=detail_type)


@pytest.mark.parametrize(
    ("model", "detail", "taken"),
    [
        (Order, {"id": "1"}, Order("1")),
        (Person, {"name": "Ann"}, Person(name="Ann")),
        (Parcel, {"weight_g": 7}, {"weight_g": 7}),
        (dict[str, Any], {"a": [1, 2**70]}, {"a": [1, 2**70]}),
        (bytes, {"a": 1}, b'{"a":1}'),
    ],
    ids=["struct", "pydantic", "typed dict", "dict", "bytes"],
)
def test_a_detail_becomes_the_worker_s_type(model: Any, detail: Any, taken: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=model), event_bridge_event(detail))

    assert [each.body for each in seen] == [taken]


def test_a_record_says_what_event_bridge_says_of_its_event() -> None:
    seen: list[Record[Any]] = []
    event = event_bridge_event({"id": "1"}, source="shop", detail_type="Ordered")
    event["time"] = "2017-12-22T18:43:48Z"

    run_on(taking(seen), event)

    (record,) = seen
    assert record.id == record.origin_id == record.correlation_id == event["id"]
    assert record.sent_at == datetime(2017, 12, 22, 18, 43, 48, tzinfo=UTC)
    assert record.raw == event
    assert record.attributes == {
        "source": "shop",
        "detail-type": "Ordered",
        "account": "000000000000",
        "region": "us-east-1",
    }


def test_the_detail_s_correlation_id_is_carried_on() -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen), event_bridge_event({"id": "1", "correlationId": "c-1"}))

    assert [each.correlation_id for each in seen] == ["c-1"]


def test_a_worker_of_objects_takes_what_s3_sends_by_event_bridge_whose_keys_are_plain() -> None:
    seen: list[Record[Any]] = []
    event = object_event()
    event["time"] = "2021-11-12T00:00:00Z"

    run_on(taking(seen, model=S3Object), event)

    assert [each.body for each in seen] == [
        S3Object(
            bucket="uploads",
            key="a b+c.jpg",
            event_name="ObjectCreated:Put",
            region="us-east-1",
            created_at=datetime(2021, 11, 12, tzinfo=UTC),
            version_id="v",
            etag="e",
            size=7,
            sequencer="0A",
        )
    ]


@pytest.mark.parametrize(
    ("detail_type", "detail", "name"),
    [
        ("Object Created", {"reason": "CompleteMultipartUpload"}, "ObjectCreated:CompleteMultipartUpload"),
        ("Object Created", {"reason": "CopyObject"}, "ObjectCreated:Copy"),
        ("Object Created", {"reason": "POST Object"}, "ObjectCreated:Post"),
        (
            "Object Deleted",
            {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"},
            "ObjectRemoved:Delete",
        ),
        (
            "Object Deleted",
            {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"},
            "ObjectRemoved:DeleteMarkerCreated",
        ),
        (
            "Object Deleted",
            {"reason": "Lifecycle Expiration", "deletion-type": "Delete Marker Created"},
            "LifecycleExpiration:DeleteMarkerCreated",
        ),
        ("Object Restore Completed", {}, "ObjectRestore:Completed"),
        ("Object Tags Added", {}, "ObjectTagging:Put"),
        ("Something New", {}, "Something New"),
    ],
)
def test_what_happened_has_s3_s_own_name(detail_type: str, detail: Any, name: str) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=S3Object), object_event(detail_type, **detail))

    assert [each.body.event_name for each in seen] == [name]


@pytest.mark.parametrize("event", [event_bridge_event({"id": "1"}), object_event(bucket=7)])
def test_a_worker_of_objects_rejects_what_s3_has_not_sent(event: Any) -> None:
    sender = RecordingSender()

    run_on(taking(model=S3Object), event, sender=sender)

    assert [letter["code"] for letter in letters(sender)] == ["NOT_AN_S3_EVENT"]


def test_one_event_tells_of_one_object() -> None:
    with pytest.raises(DeclarationError, match=says("an event tells of one S3Object, not of ~; take that.")):
        taking(model=list[S3Object])


@pytest.mark.parametrize(("verdict", "reply"), [("", "1"), ("skip", None)])
def test_the_worker_s_word_is_the_reply(verdict: str, reply: Any) -> None:
    assert run_on(taking(), event_bridge_event({"id": "1", "verdict": verdict})) == reply


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
        run_on(taking(), event_bridge_event({"id": "1", "verdict": verdict}))

    assert type(raised.value).__name__ == name


@pytest.mark.parametrize(
    ("detail", "code"),
    [({"id": "1", "verdict": "reject"}, "TOLD_TO"), ({"id": 7}, "UNDECODABLE"), ("text", "UNDECODABLE")],
)
def test_a_rejected_event_is_dead_lettered_whole(detail: Any, code: str) -> None:
    sender = RecordingSender()
    event = event_bridge_event(detail)

    assert run_on(taking(), event, sender=sender) is None

    (letter,) = letters(sender)
    assert (letter["source"], letter["code"], letter["record"]) == ("event_bridge", code, event)


def test_what_the_deadline_keeps_from_starting_is_raised() -> None:
    with pytest.raises(BatchFailed, match="it was not started"):
        run_on(taking(), event_bridge_event({"id": "1"}), remaining_s=1)


@pytest.mark.parametrize("model", [Order, S3Object])
@given(data=st.data(), junk=JUNK)
def test_whatever_stands_in_an_event_it_is_done_or_rejected(model: Any, data: Any, junk: Any) -> None:
    sender, seen = RecordingSender(), list[Record[Any]]()
    sample = event_bridge_event({"id": "1"}) if model is Order else object_event()
    path = data.draw(st.sampled_from([*places(sample)]))

    run_on(taking(seen, model=model), replaced(sample, path, junk), sender=sender)

    assert len(seen) + len(sender.sent) == 1
    for each in seen:
        assert each.id
        assert each.correlation_id
        assert each.sent_at is None or each.sent_at.tzinfo is UTC
        assert all(isinstance(value, str) for value in each.attributes.values())


OTHERS = {
    "queue": sqs_event("{}"),
    "bucket": s3_event("a"),
    "topic": sns_event("{}"),
    "stream": kinesis_event({}),
    "schedule's rule": schedule_event(),
    "scheduler": schedule_event(timezone="UTC"),
    "half an event": {"detail-type": "Test", "detail": {}},
    "list": [],
    "null": None,
}


@pytest.mark.parametrize("event", OTHERS.values(), ids=OTHERS)
def test_the_events_of_other_sources_are_refused(event: Any) -> None:
    with pytest.raises(UnrecognisedEvent, match=says("test.take takes event_bridge orders; this event is ~")):
        run_on(taking(), event)


def events_of_aws() -> list[dict[str, Any]]:
    files = sorted((FOLDER / "events").glob("*.json"))
    return [{"name": file.stem, "event": json.loads(file.read_text(encoding="utf-8"))} for file in files]


OF_S3 = {
    "powertools_s3EventBridgeNotificationObjectDeletedEvent": "ObjectRemoved:DeleteMarkerCreated",
    "powertools_s3EventBridgeNotificationObjectExpiredEvent": "LifecycleExpiration:DeleteMarkerCreated",
    "powertools_s3EventBridgeNotificationObjectRestoreCompletedEvent": "ObjectRestore:Completed",
}


@pytest.mark.parametrize("case", params(events_of_aws(), name="name"))
def test_of_all_sample_events_those_of_event_bridge_are_taken(case: Any) -> None:
    seen: list[Record[Any]] = []

    if case["name"] in OF_S3:
        run_on(taking(seen, model=S3Object), case["event"])
        assert [(each.body.key, each.body.event_name) for each in seen] == [
            ("IMG_m7fzo3.jpg", OF_S3[case["name"]])
        ]
    elif case["name"] == "powertools_eventBridgeEvent":
        run_on(taking(seen, model=dict[str, Any]), case["event"])
        assert [each.body["state"] for each in seen] == ["terminated"]
    else:
        assert not ORDERS.recognises(case["event"])


REFUSED = [
    (
        EventBridge("orders", pattern=PATTERN),
        "has no dead_letters; what is rejected or given up would be lost. Name a queue.",
    ),
    (EventBridge("or ders", pattern=PATTERN, dead_letters="d"), "rule is 'or ders'; say a name of ~"),
    (EventBridge("r" * 65, pattern=PATTERN, dead_letters="d"), "has over 64 characters; AWS takes no more."),
    (EventBridge("orders", pattern=PATTERN, bus="my bus", dead_letters="d"), "bus is 'my bus'; say a name ~"),
    (
        EventBridge("orders", pattern={"source": ["s" * 2_048]}, dead_letters="d"),
        "pattern has over 2048 characters; AWS takes no more.",
    ),
]


@pytest.mark.parametrize(("source", "expected"), REFUSED, ids=[expected[:30] for _, expected in REFUSED])
def test_what_aws_refuses_or_what_loses_events_is_refused_when_it_is_declared(
    source: EventBridge, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=says(f"take: EventBridge({source.rule!r}) {expected}")):
        taking(None, source)


@pytest.mark.parametrize("pattern", [{}, {"source": "shop"}, {"source": [{"regex": "x"}]}, None, 7], ids=str)
def test_a_pattern_that_event_bridge_refuses_is_refused(pattern: Any) -> None:
    with pytest.raises(InvalidPattern):
        taking(None, EventBridge("orders", pattern=pattern, dead_letters="d"))


def test_the_manifest_says_what_the_rule_is_made_from() -> None:
    source = EventBridge("orders", pattern=PATTERN, bus="shop", dead_letters="d")

    assert source.describe(timeout_s=60) == {
        "kind": "event_bridge",
        "name": "orders",
        "rule": "orders",
        "pattern": PATTERN,
        "bus": "shop",
        "retries": 2,
        "maxAgeS": 21_600,
        "deadLetters": "d",
        "spillBucket": None,
    }


def test_lambda_s_door_takes_an_event(installed_plugin: Site) -> None:
    source = '''
        from msgspec import Struct
        from worker_runtime import EventBridge, Stack, worker

        class Order(Struct):
            id: str

        @worker(EventBridge("orders", pattern={"source": ["shop"]}, dead_letters="d"), stack=Stack("shop"))
        def work(order: Order) -> str:
            """Say the id."""
            return order.id
    '''
    installed_plugin.install_plugin("shop", worker=source)

    with door_of(installed_plugin, "shop.work") as handle:
        assert handle(event_bridge_event({"id": "1"})) == "1"
