"""Whole stages on which topics, buckets and rules invoke workers: delivered, tried again, given up."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from installed import Site
from post_office import notes, post_office, until
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPEED = 60.0  # the retries of an event are over after three seconds
MODES = pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in-process"])


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the plugin for all tests here."""
    with post_office(Site(tmp_path_factory.mktemp("site"))):
        yield


def options(**given: Any) -> StageOptions:
    return StageOptions(**{"stacks": ("post",), "speed": SPEED, **given})


def publish(stage: Stage, asked: dict[str, Any], kind: str = "letter") -> None:
    stage.aws("sns").publish(
        TopicArn=stage.named("topic", "letters"),
        Message=json.dumps(asked),
        MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}},
    )


def put(stage: Stage, key: str) -> None:
    stage.aws("s3").put_object(Bucket=stage.named("bucket", "parcels"), Key=key, Body=b"{}")


def send(stage: Stage, asked: dict[str, Any]) -> None:
    entry = {
        "Source": "post",
        "DetailType": "telegram",
        "Detail": json.dumps(asked),
        "EventBusName": stage.named("bus", "wires"),
    }
    answer = stage.aws("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


@MODES
def test_each_source_brings_what_is_meant_for_its_worker(*, in_process: bool) -> None:
    with Stage(options(in_process=in_process)) as stage:
        publish(stage, {"name": "a letter"})
        publish(stage, {"name": "a bill"}, kind="bill")
        send(stage, {"name": "a telegram"})
        send(stage, {"nobody": "listens"})
        put(stage, "in/a parcel+ü.json")
        put(stage, "out/another.json")
        until(stage, lambda: len(notes(stage)) >= 5)
        stage.wait_idle(timeout_s=20)
        noted = notes(stage)

    assert noted.keys() == {
        *("a letter", "a telegram", "a parcel+ü ObjectCreated:Put"),
        *("arrived in/a parcel+ü.json", "arrived out/another.json"),
    }
    assert {len(each) for each in noted.values()} == {1}


@MODES
def test_what_fails_twice_comes_again_one_and_two_minutes_later(*, in_process: bool) -> None:
    with Stage(options(in_process=in_process)) as stage:
        publish(stage, {"name": "a letter", "at_try": 3})
        put(stage, "in/parcel-3.json")
        until(stage, lambda: len(notes(stage)["parcel ObjectCreated:Put"]) == 3)
        stage.wait_idle(timeout_s=20)
        noted, counts = notes(stage), stage.workers()["post.letter"]
        letters = stage.dead_letters("letters-dlq")

    late_s = 1 if in_process else 600  # a process takes its time, which counts sixty times here
    for tries in (noted["a letter"], noted["parcel ObjectCreated:Put"]):
        first, second, third = (each["at"] for each in tries)
        assert 60 <= second - first < 60 + late_s
        assert 120 <= third - second < 120 + late_s
        assert len({each["request_id"] for each in tries}) == 1
    assert letters == []
    assert (counts.invocations, counts.retries) == (3, 2)


def test_what_fails_for_ever_is_given_up_whole_and_is_sent_back_from_there() -> None:
    with Stage(options(in_process=True)) as stage:
        send(stage, {"name": "a telegram", "at_try": 3})  # it is tried once more only
        until(stage, lambda: stage.dead_letters("telegrams-dlq"))
        stage.wait_idle(timeout_s=20)
        (letter,) = stage.dead_letters("telegrams-dlq")
        sent = stage.redrive("telegrams-dlq")
        stage.wait_idle(timeout_s=20)
        noted, left = notes(stage), stage.dead_letters("telegrams-dlq")

    given_up = json.loads(letter.message["Body"])
    assert given_up["requestContext"]["condition"] == "RetriesExhausted"
    assert given_up["requestContext"]["approximateInvokeCount"] == 2
    assert given_up["responsePayload"]["errorType"] == "Slip"
    assert given_up["requestPayload"] == noted["a telegram"][0]["raw"]
    assert sent == 1
    assert len(noted["a telegram"]) == 3
    assert left == []


def test_what_a_worker_rejects_is_a_dead_letter_at_once() -> None:
    with Stage(options(in_process=True)) as stage:
        publish(stage, {"name": "a letter", "reject": True})
        until(stage, lambda: stage.dead_letters("letters-dlq"))
        stage.wait_idle(timeout_s=20)
        (letter,), counts = stage.dead_letters("letters-dlq"), stage.workers()["post.letter"]

    assert (letter.code, letter.worker) == ("UNWANTED", "post.letter")
    assert (counts.invocations, counts.retries) == (1, 0)


def test_under_duplicates_an_event_comes_twice_under_its_id() -> None:
    with Stage(options(in_process=True, faults=frozenset({"duplicate"}))) as stage:
        for number in range(40):
            publish(stage, {"name": f"letter {number}"})
        until(stage, lambda: len(notes(stage)) == 40)
        stage.wait_idle(timeout_s=20)
        noted, moves = notes(stage), stage.workers()["post.letter"].invocations

    assert moves > 40
    assert all(len({each["request_id"] for each in tries}) == 1 for tries in noted.values())


def test_an_event_waits_while_its_function_has_no_place() -> None:
    with Stage(options(speed=20.0)) as stage:
        for number in range(6):  # two at a time
            publish(stage, {"name": f"letter {number}", "takes_s": 0.2})
        until(stage, lambda: len(notes(stage)) == 6)
        stage.wait_idle(timeout_s=20)
        counts = stage.workers()["post.letter"]

    assert (counts.retries, counts.dead_letters) == (0, 0)


def test_an_event_that_is_never_taken_grows_too_old() -> None:
    with Stage(options(speed=21_600.0)) as stage:  # six hours a second
        publish(stage, {"name": "long", "takes_s": 3})
        publish(stage, {"name": "longer", "takes_s": 3})
        until(stage, lambda: len(notes(stage)) == 2)  # both places are taken
        publish(stage, {"name": "late"})
        until(stage, lambda: stage.dead_letters("letters-dlq"))
        (letter,) = stage.dead_letters("letters-dlq")
        stage.wait_idle(timeout_s=20)
        noted = notes(stage)

    assert json.loads(letter.message["Body"])["requestContext"]["condition"] == "EventAgeExceeded"
    assert "late" not in noted


def test_a_topic_may_send_to_a_queue_with_and_without_an_envelope() -> None:
    with Stage(options(in_process=True)) as stage:
        queue = stage.named("queue", "sorting")
        arn = stage.aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        for name, raw in (("letters", "false"), ("raw-letters", "true")):
            topic = stage.aws("sns").create_topic(Name=f"local-{name}")["TopicArn"]
            stage.aws("sns").subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=arn["Attributes"]["QueueArn"],
                Attributes={"RawMessageDelivery": raw},
            )
            stage.aws("sns").publish(TopicArn=topic, Message=json.dumps({"name": name}))
        until(stage, lambda: len(notes(stage)) == 2)
        stage.wait_idle(timeout_s=20)
        noted = notes(stage)

    assert json.loads(noted["letters"][0]["raw"]["body"])["Type"] == "Notification"
    assert json.loads(noted["raw-letters"][0]["raw"]["body"]) == {"name": "raw-letters"}


def test_a_stage_that_is_idle_has_missed_nothing_that_was_published() -> None:
    with Stage(options(in_process=True)) as stage:
        for number in range(5):
            publish(stage, {"name": f"letter {number}"})
            send(stage, {"name": f"telegram {number}"})
            stage.wait_idle(timeout_s=20)
            assert len(notes(stage)) == 2 * (number + 1)


def test_a_stage_that_goes_on_tries_again_what_waited(tmp_path: Path) -> None:
    kept = options(state_dir=tmp_path, goes_on=True)
    with Stage(kept) as stage:
        publish(stage, {"name": "a letter", "at_try": 2})
        until(stage, lambda: notes(stage)["a letter"])

    with Stage(kept) as stage:
        until(stage, lambda: len(notes(stage)["a letter"]) == 2)
        stage.wait_idle(timeout_s=20)
        letters = stage.dead_letters("letters-dlq")

    assert letters == []


def test_what_a_filter_policy_refuses_is_in_the_lineage_with_the_reason(tmp_path: Path) -> None:
    with Stage(options(in_process=True, state_dir=tmp_path)) as stage:
        publish(stage, {"name": "a bill"}, kind="bill")
        stage.wait_idle(timeout_s=20)

    with closing(sqlite3.connect(tmp_path / "lineage.sqlite")) as lineage:
        ((worker, why),) = lineage.execute("SELECT worker, refused FROM records").fetchall()
    assert worker == "post.letter"
    assert why.startswith("refused; filter policy: kind: ")
