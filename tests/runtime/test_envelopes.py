"""Envelopes inside a queue's messages: opened by their whole shape, the payload to the worker."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from conformance import FOLDER
from doors import door_of
from junk import JUNK, places, replaced
from verdicts import act
from worker_runtime import Record, S3Object, Sqs, Stack, Worker, worker
from worker_runtime.testing import (
    RecordingSender,
    event_bridge_event,
    message,
    notification,
    run_on,
    s3_event,
    s3_test_event,
    sqs_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from installed import Site

SHOP = Stack("shop")
ORDERS = Sqs("orders", dead_letters="orders-dlq")
FAILED: dict[str, list[Any]] = {"batchItemFailures": []}


class Order(Struct):
    number: int
    verdict: str = ""


class Loose(Struct):
    """Every envelope would fit it."""

    id: str = ""
    number: int = 0


@dataclass
class Plain:
    number: int


class Parcel(TypedDict):
    number: int


class Person(BaseModel):
    number: int


def taking(seen: list[Record[Any]] | None = None, *, model: Any = Order) -> Worker[..., Any]:
    def take(order: Any) -> None:
        """Do what the order says."""
        if seen is not None:
            seen.append(order)
        act(getattr(order.body, "verdict", ""))

    take.__annotations__["order"] = Record[model]
    return worker(ORDERS, stack=SHOP)(take)


def letters(sender: RecordingSender) -> list[str]:
    return [json.loads(str(letter.attributes["deadLetterReason"]))["code"] for _, letter in sender.sent]


WAYS: dict[str, Callable[[Any], Any]] = {
    "alone": lambda payload: payload,
    "SNS": notification,
    "EventBridge": event_bridge_event,
    "EventBridge in SNS": lambda payload: notification(event_bridge_event(payload)),
}
MODELS = [
    (Order, Order(7)),
    (Loose, Loose(number=7)),
    (Plain, Plain(7)),
    (Parcel, {"number": 7}),
    (Person, Person(number=7)),
    (dict[str, Any], {"number": 7}),
    (bytes, b'{"number": 7}'),
    (str, '{"number": 7}'),
]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("model", "taken"), MODELS, ids=str)
def test_the_payload_becomes_the_worker_s_type_whatever_is_around_it(
    way: Any, model: Any, taken: Any
) -> None:
    seen: list[Record[Any]] = []

    assert run_on(taking(seen, model=model), sqs_event(way({"number": 7}))) == FAILED

    assert [each.body for each in seen] == [taken]


OF_AWS = """{
  "Type" : "Notification",
  "MessageId" : "dc1e94d9-56c5-5e96-808d-cc7f68faa162",
  "TopicArn" : "arn:aws:sns:us-east-2:111122223333:ExampleTopic1",
  "Subject" : "TestSubject",
  "Message" : "{\\"number\\": 7}",
  "Timestamp" : "2021-02-16T21:41:19.978Z",
  "SignatureVersion" : "1",
  "Signature" : "FMG5tlZhJNHLHUXvZgtZzlk24FzVa7oX0T4P03neeXw8ZEXZx6z35j2FOTuNYShn2h0bKNC",
  "SigningCertURL" : "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-010a507.pem",
  "UnsubscribeURL" : "https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe"
}"""
"""From the SNS developer guide, whose blanks are SNS's."""


def beginning(body: Any, *, at: int, spelling: str) -> str:
    """Spell an envelope, beginning with another of its keys."""
    pairs = [*body.items()]
    turned = dict(pairs[at % len(pairs) :] + pairs[: at % len(pairs)])
    if spelling == "compact":
        return json.dumps(turned, separators=(",", ":"))
    return json.dumps(turned, indent=2, separators=(",", " : "))


SPELLINGS: dict[str, Callable[[Any], str]] = {
    "compact": lambda body: json.dumps(body, separators=(",", ":")),
    "by Python": json.dumps,
    "indented by 2": lambda body: json.dumps(body, indent=2),
    "indented by 4": lambda body: json.dumps(body, indent=4),
    "sorted": lambda body: json.dumps(body, sort_keys=True),
    "sorted and indented": lambda body: json.dumps(body, sort_keys=True, indent=2),
    "backwards": lambda body: json.dumps(dict(reversed(body.items()))),
    **{
        f"{spelling} from key {at}": functools.partial(beginning, at=at, spelling=spelling)
        for at in range(9)
        for spelling in ("compact", "indented")
    },
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("envelope", [notification, event_bridge_event])
def test_an_envelope_is_known_however_it_is_spelt(spell: Any, envelope: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=dict[str, Any]), sqs_event(spell(envelope({"number": 7}, at=5))))

    assert [each.body for each in seen] == [{"number": 7}]
    assert seen[0].origin_id.endswith("5")


@pytest.mark.parametrize("model", [Order, dict[str, Any]])
def test_a_notification_as_sns_writes_it_is_opened(model: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=model), sqs_event(OF_AWS))

    (record,) = seen
    assert record.body in (Order(7), {"number": 7})
    assert record.origin_id == "dc1e94d9-56c5-5e96-808d-cc7f68faa162"
    assert record.sent_at == datetime(2021, 2, 16, 21, 41, 19, 978_000, tzinfo=UTC)


def test_a_record_says_what_its_envelopes_say_and_is_replied_to_under_its_own_id() -> None:
    seen, event = list[Record[Any]](), event_bridge_event({"number": 7}, source="shop", at=8)
    event["time"] = "2017-12-22T18:43:48Z"
    body = notification(event, at=9, subject="An order", attributes={"origin": "web", "kind": "gift"})

    sent = message(body, at=1, attributes={"kind": "own"})

    reply = run_on(taking(seen, model=dict[str, Any]), {"Records": [sent]})

    (record,) = seen
    assert reply == FAILED
    assert record.id == sent["messageId"]
    assert record.origin_id == record.correlation_id == event["id"]
    assert record.sent_at == datetime(2017, 12, 22, 18, 43, 48, tzinfo=UTC)
    assert record.attributes == {
        "source": "shop",
        "detail-type": "Test",
        "account": "000000000000",
        "region": "us-east-1",
        "origin": "web",
        "Subject": "An order",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:topic",
        "kind": "own",
    }


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        (notification({"number": 7}, attributes={"correlationId": "c-1"}), None),
        (notification({"number": 7, "correlationId": "c-1"}), None),
        (event_bridge_event({"number": 7, "correlationId": "c-1"}), None),
        (notification(event_bridge_event({"number": 7, "correlationId": "c-1"})), None),
        (notification({"number": 7, "correlationId": "inner"}), {"correlationId": "c-1"}),
    ],
)
def test_the_sender_s_correlation_id_is_found_in_every_envelope(body: Any, attributes: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen), {"Records": [message(body, attributes=attributes)]})

    assert [each.correlation_id for each in seen] == ["c-1"]


def test_a_sender_s_attribute_is_no_count_of_our_deferrals() -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen), sqs_event(notification({"number": 7}, attributes={"deferrals": "40"})))

    assert [each.deferrals for each in seen] == [0]


def test_a_dead_letter_and_a_deferral_are_the_message_as_it_was() -> None:
    sender = RecordingSender()
    bodies = [notification({"number": 1, "verdict": verdict}) for verdict in ("reject", "defer")]

    run_on(taking(), sqs_event(*bodies), sender=sender)

    assert sorted((queue, json.loads(sent.body)["Message"]) for queue, sent in sender.sent) == sorted(
        [("orders-dlq", bodies[0]["Message"]), ("orders", bodies[1]["Message"])]
    )


@pytest.mark.parametrize("way", [way for name, way in WAYS.items() if name != "alone"])
def test_a_poison_payload_fails_as_itself(way: Any) -> None:
    sender, seen = RecordingSender(), list[Record[Any]]()

    run_on(taking(seen), sqs_event(way({"number": "x"}), way({"number": 7})), sender=sender)

    assert [each.body for each in seen] == [Order(7)]
    assert letters(sender) == ["UNDECODABLE"]


LOOKALIKES = {
    "one key of SNS": {"Type": "Notification", "Message": '{"number": 7}'},
    "one key of EventBridge": {"version": "0", "detail-type": "x", "detail": {"number": 7}},
    "a topic of one's own": {"Type": "Other", "TopicArn": "arn", "Message": "m"},
    "a subscription to confirm": {**notification("m"), "Type": "SubscriptionConfirmation"},
    "SNS with a message that is no text": {**notification("m"), "Message": {"number": 7}},
    "EventBridge with a detail that is text": {**event_bridge_event({}), "detail": '{"number": 7}'},
    "a test event with records": {**s3_test_event(), "Records": []},
    "a test event's name": {"Event": "s3:TestEvent"},
}


@pytest.mark.parametrize("body", LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_only_resembles_an_envelope_is_the_payload_itself(body: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=dict[str, Any]), sqs_event(body))

    assert [each.body for each in seen] == [body]
    assert seen[0].origin_id == seen[0].id


OBJECTS: dict[str, Callable[[Any], Any]] = {
    "S3": lambda event: event,
    "S3 in SNS": notification,
}


@pytest.mark.parametrize("way", OBJECTS.values(), ids=OBJECTS)
def test_a_worker_of_objects_takes_the_one_that_a_message_carries(way: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=S3Object), sqs_event(way(s3_event("a b+c"))))

    assert [each.body.key for each in seen] == ["a b+c"]


@pytest.mark.parametrize("way", OBJECTS.values(), ids=OBJECTS)
def test_a_message_with_several_objects_is_for_workers_of_lists(way: Any) -> None:
    sender, seen = RecordingSender(), list[Record[Any]]()
    event = sqs_event(way(s3_event("a", "b")))

    run_on(taking(seen, model=S3Object), event, sender=sender)
    run_on(taking(seen, model=list[S3Object]), event, sender=sender)

    assert letters(sender) == ["SEVERAL_S3_OBJECTS"]
    assert [[thing.key for thing in each.body] for each in seen] == [["a", "b"]]


@pytest.mark.parametrize("model", [S3Object, list[S3Object], Order, dict[str, Any], str], ids=str)
@pytest.mark.parametrize("way", OBJECTS.values(), ids=OBJECTS)
def test_a_bucket_s_test_event_is_acknowledged_by_every_worker(way: Any, model: Any) -> None:
    sender, seen = RecordingSender(), list[Record[Any]]()

    reply = run_on(taking(seen, model=model), sqs_event(way(s3_test_event())), sender=sender)

    assert reply == FAILED
    assert not seen
    assert not sender.sent


@pytest.mark.parametrize("way", [event_bridge_event, WAYS["EventBridge in SNS"]])
def test_what_s3_sends_by_event_bridge_is_the_same_object(way: Any) -> None:
    seen: list[Record[Any]] = []
    thing = {"key": "a b+c", "etag": "e", "size": 7, "sequencer": "0A", "version-id": "v"}
    detail = {"bucket": {"name": "uploads"}, "object": thing, "reason": "PutObject"}
    body = json.dumps(way(detail)).replace('"Test"', '"Object Created"').replace('"test"', '"aws.s3"')
    body = body.replace(r"\"Test\"", r"\"Object Created\"").replace(r"\"test\"", r"\"aws.s3\"")

    run_on(taking(seen, model=S3Object), sqs_event(body))

    (record,) = seen
    assert (record.body.key, record.body.event_name) == ("a b+c", "ObjectCreated:Put")
    assert record.body.version_id == "v"


def test_the_object_s_id_is_the_same_whichever_way_s3_tells_of_it() -> None:
    seen: list[Record[Any]] = []
    told = s3_event("a b+c", bucket="uploads")
    told["Records"][0]["s3"]["object"]["versionId"] = "v"
    thing = {"key": "a b+c", "sequencer": "000000000000000001", "version-id": "v"}
    detail = {"bucket": {"name": "uploads"}, "object": thing, "reason": "PutObject"}
    carried = event_bridge_event(detail, source="aws.s3", detail_type="Object Created")

    run_on(taking(seen, model=S3Object), sqs_event(told, notification(told), carried))

    assert len({each.body.id for each in seen}) == 1


@pytest.mark.parametrize("body", ["{}", "[]", "7", '{"Records": []}', '{"Records": [{}]}', '{"key": "a"}'])
def test_a_worker_of_objects_rejects_what_is_none_of_s3_s(body: str) -> None:
    sender = RecordingSender()

    run_on(taking(model=S3Object), sqs_event(body, "no JSON"), sender=sender)

    assert letters(sender) == ["NOT_AN_S3_EVENT", "UNDECODABLE"]


def test_a_recorded_message_of_s3_is_taken() -> None:
    file = FOLDER / "events" / "powertools_s3SqsEvent.json"
    if not file.is_file():
        pytest.skip(f"no {file.name} in {FOLDER}; WORKERS_CONFORMANCE names the folder")
    seen: list[Record[Any]] = []

    run_on(taking(seen, model=S3Object), json.loads(file.read_text(encoding="utf-8")))

    assert [(each.body.bucket, each.body.key) for each in seen] == [("xxx", "test.pdf")]


SAMPLES: dict[str, tuple[Any, Any]] = {
    "SNS": (dict[str, Any], notification({"number": 7}, subject="s", attributes={"a": "b"})),
    "EventBridge": (Loose, event_bridge_event({"number": 7})),
    "S3": (S3Object, s3_event("a")),
    "test event": (Order, s3_test_event()),
}


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("model", "sample"), SAMPLES.values(), ids=SAMPLES)
@given(data=st.data(), junk=JUNK)
def test_whatever_stands_in_an_envelope_its_message_alone_bears_it(
    model: Any, sample: Any, inside: bool, data: Any, junk: Any
) -> None:
    sender, seen = RecordingSender(), list[Record[Any]]()
    path = data.draw(st.sampled_from([*places(sample)]))
    body = replaced(sample, path, junk)

    reply = run_on(
        taking(seen, model=model), sqs_event(notification(body) if inside else body), sender=sender
    )

    assert reply == FAILED
    assert len(seen) + len(sender.sent) <= 1
    for each in seen:
        assert each.origin_id
        assert each.correlation_id
        assert each.sent_at is not None
        assert all(isinstance(value, str) for value in each.attributes.values())


FIELDS = [("body",), ("attributes",), ("messageAttributes",), ("messageAttributes", "a")]


@given(path=st.sampled_from(FIELDS), junk=JUNK)
def test_whatever_stands_in_a_queue_s_record_the_others_are_taken(path: tuple[str, ...], junk: Any) -> None:
    seen: list[Record[Any]] = []
    first = message(notification({"number": 1}), at=1, attributes={"a": "b"})
    event = {"Records": [replaced(first, path, junk), message({"number": 2}, at=2)]}

    reply = run_on(taking(seen), event)

    assert reply == FAILED
    assert seen[-1].body == Order(2)


def test_lambda_s_door_opens_envelopes(installed_plugin: Site) -> None:
    source = '''
        from msgspec import Struct
        from worker_runtime import Sqs, Stack, worker

        class Order(Struct):
            number: int

        @worker(Sqs("orders"), stack=Stack("shop"))
        def work(order: Order) -> None:
            """Take it."""
    '''
    installed_plugin.install_plugin("shop", worker=source)
    event = sqs_event({"number": 1}, OF_AWS, event_bridge_event({"number": 1}), {"other": 1})

    with door_of(installed_plugin, "shop.work") as handle:
        assert handle(event) == {"batchItemFailures": [{"itemIdentifier": event["Records"][3]["messageId"]}]}
