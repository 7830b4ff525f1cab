"""Queues as recorded from AWS: the batches that functions were handed, what came again, what redrive took."""

from __future__ import annotations

import json
from typing import Any

import pytest

from known_gaps import recordings
from listed import PolledList
from snapshots import content, events, like, mapping
from staged import ScriptedFunction, failed
from worker_runtime import Sqs
from worker_runtime.errors import DeclarationError, InvalidPattern
from worker_runtime.filters import compile_filters

REFUSED: dict[str, Any] = {
    "sqs_invalid_event_filter_None": None,
    "sqs_invalid_event_filter_simple_string": "simple string",
    "sqs_invalid_event_filter_invalid_filter2": {"eventSource": "aws:sqs"},
    "sqs_invalid_event_filter_invalid_filter3": {"eventSource": []},
    "dynamodb_invalid_event_filter_single_string": "single-string",
    "dynamodb_invalid_event_filter_eventName_INSERT_123": '{"eventName": ["INSERT"=123]}',
}
NOISE = "no filter takes this"


def raising(records: list[Any]) -> None:
    """Fail as often as a message asks for, the whole batch with it."""
    if still_to_fail(records):
        raise RuntimeError("failed attempt")


def listing(records: list[Any]) -> Any:
    """Fail as often as a message asks for, by naming it."""
    return failed(*(each["messageId"] for each in still_to_fail(records)))


def still_to_fail(records: list[Any]) -> list[Any]:
    return [each for each in records if json.loads(each["body"])["fail_attempts"] >= receives(each)]


def receives(record: Any) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def poll(
    held: Any, function: ScriptedFunction, *, max_receives: int = 1_000, noise: bool = False
) -> PolledList:
    """Send what was recorded to be received first, and poll until the queue is empty."""
    polled = PolledList(function, max_receives=max_receives)
    sent: set[str] = set()
    for record in [each for batch in events(held) for each in batch if each["messageId"] not in sent]:
        if record["messageId"] not in sent:
            send(polled, record)
        sent.add(record["messageId"])
    if noise:
        polled.queue.send(NOISE)
    asked = mapping(held)
    fifo = any("MessageGroupId" in each["attributes"] for batch in events(held) for each in batch)
    window = asked.get("MaximumBatchingWindowInSeconds", 0)
    source = Sqs(
        "listed.fifo" if fifo else "listed",
        batch_size=asked.get("BatchSize", 10),
        window_s=window if isinstance(window, int) else 1,
        max_concurrency=asked.get("ScalingConfig", {}).get("MaximumConcurrency"),
        filters=tuple(each["Pattern"] for each in asked.get("FilterCriteria", {}).get("Filters", ())),
    )
    polled.poll_queue(source)
    return polled


def send(polled: PolledList, record: dict[str, Any]) -> None:
    """Send the message that a record was."""
    body, system = record["body"], record["attributes"]
    given: dict[str, Any] = {
        "MessageAttributes": {
            name: {"StringValue": each["stringValue"], "DataType": each["dataType"]}
            for name, each in record["messageAttributes"].items()
        }
    }
    if record.get("md5OfMessageAttributes"):
        given["MD5OfMessageAttributes"] = record["md5OfMessageAttributes"]
    polled.queue.send(
        body if isinstance(body, str) else json.dumps(body),
        group=system.get("MessageGroupId", ""),
        dedup=system.get("MessageDeduplicationId", ""),
        **given,
    )


def alike(ours: list[Any], theirs: list[Any]) -> bool:
    """Compare records; bodies that were JSON were recorded as what is in them."""
    read = [
        {**mine, "body": json.loads(mine["body"]) if isinstance(other["body"], dict) else mine["body"]}
        for mine, other in zip(ours, theirs, strict=True)
    ]
    return like(read, theirs)


def left_over(held: Any) -> list[Any]:
    """Return the bodies that were found in the dead letters."""
    messages = held.get("dlq_messages") or held.get("dlq_response", {}).get("Messages", [])
    return [each["Body"] for each in messages]


def dead(polled: PolledList) -> list[Any]:
    return [read_or_text(each["Body"]) for each in polled.queue.dead]


def read_or_text(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


@pytest.mark.parametrize("name", recordings("_sqs_event_filter_*"))
def test_a_queue_s_filter_takes_what_it_was_recorded_to_take(name: str) -> None:
    held = content(name)

    polled = poll(held, ScriptedFunction(), noise=True)

    assert alike(polled.function.records, [each for batch in events(held) for each in batch])
    assert polled.queue.bodies() == []


@pytest.mark.parametrize("name", recordings(*(f"_{each}" for each in REFUSED)))
def test_a_filter_that_lambda_refuses_is_refused(name: str) -> None:
    pattern = next(pattern for part, pattern in REFUSED.items() if name.endswith(part))
    assert "InvalidParameterValueException" in json.dumps(content(name))

    with pytest.raises(InvalidPattern):
        compile_filters([pattern], data_key="body" if name.startswith("sqs") else "dynamodb")


@pytest.mark.parametrize("name", recordings("_batch_size_1*", "_test_sqs_event_source_mapping"))
def test_all_messages_are_delivered_in_the_recorded_form(name: str) -> None:
    held = content(name)

    polled = poll(held, ScriptedFunction())

    assert alike(polled.function.records, [each for batch in events(held) for each in batch])


@pytest.mark.parametrize("name", recordings("_batching_reserved_concurrency"))
def test_messages_are_gathered_in_as_few_batches_as_recorded(name: str) -> None:
    held = content(name)

    polled = poll(held, ScriptedFunction())

    assert len(polled.function.batches) == held["batch_info"]["total_batches_received"]
    assert alike(polled.function.records, [each for batch in events(held) for each in batch])


@pytest.mark.parametrize("name", recordings("_default_batch_size"))
def test_a_large_batch_without_a_window_is_refused(name: str) -> None:
    held = content(name)
    source = Sqs("listed")

    assert (source.batch_size, source.window_s) == (
        mapping(held)["BatchSize"],
        mapping(held)["MaximumBatchingWindowInSeconds"],
    )
    assert "greater than 0 if maximum batch size is greater than 10" in json.dumps(held)
    with pytest.raises(DeclarationError, match="batch_size above 10 needs a window"):
        Sqs("listed", batch_size=11).check(worker="listed", timeout_s=3)


@pytest.mark.parametrize("name", recordings("_passed_correctly"))
def test_attributes_are_handed_over_in_the_recorded_form(name: str) -> None:
    held = content(name)

    polled = poll(held, ScriptedFunction())

    assert alike(polled.function.records, events(held)[0])


FUNCTIONS = {
    "_retries_after_visibility_timeout": raising,
    "_redrive_policy_with_failing_lambda": raising,
    "_test_report_batch_item_failures": listing,
    "_invalid_result_json_batch_fails": lambda _: {"batchItemFailures": [{"foo": "notvalid"}]},
    "_empty_json_batch_succeeds": lambda _: {},
}


@pytest.mark.parametrize("name", recordings(*FUNCTIONS))
def test_what_failed_comes_again_as_recorded_until_redrive_takes_it(name: str) -> None:
    held = content(name)
    handle: Any = next(handle for part, handle in FUNCTIONS.items() if name.endswith(part))

    polled = poll(held, ScriptedFunction(handle), max_receives=len(events(held)))

    assert len(polled.function.batches) == len(events(held))
    assert all(map(alike, polled.function.batches, events(held)))
    assert dead(polled) == left_over(held)


@pytest.mark.parametrize("name", recordings("_on_lambda_error"))
def test_an_error_leads_the_whole_batch_to_the_dead_letters(name: str) -> None:
    held = content(name)

    def refuse(_: list[Any]) -> None:
        raise RuntimeError("failed attempt")

    polled = PolledList(ScriptedFunction(refuse), max_receives=1)
    for body in left_over(held):
        polled.queue.send(body if isinstance(body, str) else json.dumps(body))
    polled.poll_queue(Sqs("listed"))

    assert dead(polled) == left_over(held)
