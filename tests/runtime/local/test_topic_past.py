"""What Lambda gave up of a topic: its metadata as a dead letter, and the records read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from topics import TOPIC, MemoryTopic
from worker_runtime.clock import SteppedClock
from worker_runtime.local.dead_letters.letters import read_letter
from worker_runtime.local.stage.polling.kafka_failure import kafka_failure_record
from worker_runtime.local.stage.polling.kafka_form import KafkaForm, kafka_record
from worker_runtime.local.stage.polling.on_failure import GivenUp
from worker_runtime.local.stage.polling.topic_past import TopicPast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from topics import Place
    from worker_runtime.local.stage.polling.topic_feed import TopicRecord

FORM = KafkaForm(servers="b-1:9092", cluster_arn=None, reports=True)
CLOCK = SteppedClock()


class Remembered:
    """A topic from which a retention may have taken the oldest records."""

    def __init__(self, topic: MemoryTopic, *, kept_from: int = 0) -> None:
        self._topic = topic
        self._kept_from = kept_from

    def past(self, partition: int, *, first: int, last: int) -> Sequence[TopicRecord]:
        return self._topic.records[partition][max(first, self._kept_from) : last + 1]


def filled() -> MemoryTopic:
    topic = MemoryTopic()
    for at in range(4):
        topic.put(0, b'{"n":%d}' % at)
        topic.put(1, b'{"n":%d}' % at)
    return topic


def told(topic: MemoryTopic, *those: Place) -> dict[str, Any]:
    """Word what Lambda writes when it gives these up."""
    records = [kafka_record(topic.records[at][offset], topic=TOPIC, clock=CLOCK) for at, offset in those]
    why = GivenUp(
        condition="RetryAttemptsExhausted",
        request_id="r",
        function_arn="arn:f",
        invocations=3,
        raised=True,
        at=CLOCK.now(),
    )
    return kafka_failure_record(records, form=FORM, why=why)


def past_of(topic: MemoryTopic, *, kept_from: int = 0) -> TopicPast:
    return TopicPast(
        topic=TOPIC, opened=lambda _: Remembered(topic, kept_from=kept_from), form=FORM, clock=CLOCK
    )


def test_it_is_worded_as_the_developer_guide_has_it() -> None:
    body = told(filled(), (0, 1), (0, 2), (1, 3))

    assert body["requestContext"] == {
        "requestId": "r",
        "functionArn": "arn:f",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    }
    assert body["responseContext"]["functionError"] == "Unhandled"
    info = body["KafkaBatchInfo"]
    assert info.keys() == {"batchSize", "bootstrapServers", "payloadSize", "recordsInfo"}
    assert info["recordsInfo"] == {
        "things-0": {
            "firstRecordOffset": "1",
            "lastRecordOffset": "2",
            "firstRecordTimestamp": "2023-11-14T22:13:20.000Z",
            "lastRecordTimestamp": "2023-11-14T22:13:20.000Z",
        },
        "things-1": {
            "firstRecordOffset": "3",
            "lastRecordOffset": "3",
            "firstRecordTimestamp": "2023-11-14T22:13:20.000Z",
            "lastRecordTimestamp": "2023-11-14T22:13:20.000Z",
        },
    }


def test_as_a_dead_letter_it_says_why_and_names_its_first_record() -> None:
    body = json.dumps(told(filled(), (0, 1), (0, 2)))

    letter = read_letter({"MessageId": "m", "Body": body})

    assert (letter.form, letter.code) == ("metadata", "RetryAttemptsExhausted")
    assert letter.record_id == "things-0:1"


@pytest.mark.parametrize("info", [None, [], {}, {"recordsInfo": 7}, {"recordsInfo": {"things-0": {}}}])
def test_what_only_resembles_it_is_told_so(info: Any) -> None:
    body = json.dumps({"requestContext": {"condition": "RetryAttemptsExhausted"}, "KafkaBatchInfo": info})

    assert read_letter({"MessageId": "m", "Body": body}).unreadable


def test_the_records_of_all_partitions_are_read_again() -> None:
    topic = filled()

    records = past_of(topic).records(told(topic, (0, 1), (0, 2), (1, 3))["KafkaBatchInfo"])

    assert [each.id for each in records] == ["things-0:1", "things-0:2", "things-1:3"]
    assert json.loads(FORM.event_of(records))["records"].keys() == {"things-0", "things-1"}


def test_what_the_topic_has_forgotten_in_part_is_not_sent_back_in_part() -> None:
    topic = filled()

    with pytest.raises(LookupError, match="things has forgotten some of 1 to 2 in partition 0"):
        past_of(topic, kept_from=2).records(told(topic, (0, 1), (0, 2))["KafkaBatchInfo"])


def test_another_topic_is_not_read() -> None:
    topic = filled()
    past = TopicPast(topic="parcels", opened=lambda _: Remembered(topic), form=FORM, clock=CLOCK)

    with pytest.raises(LookupError, match="things is not the topic parcels"):
        past.records(told(topic, (0, 1))["KafkaBatchInfo"])
