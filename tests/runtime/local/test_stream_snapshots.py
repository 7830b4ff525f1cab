"""Streams as recorded from AWS: the very events that functions were handed, what was written of failures."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from known_gaps import ABSENT, recordings
from listed import ListedStream, PolledList
from snapshots import ARRIVED_AT, content, events, failure_record, like, mapping, named
from staged import ScriptedFunction, failed
from worker_runtime import Kinesis, TableStream
from worker_runtime.local.stage.polling.change_records import restaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Poll = Callable[..., PolledList]

REPLIES: dict[str, Any] = {
    "_success_scenarios_empty_list_success": [],
    "_success_scenarios_null_success": None,
    "_success_scenarios_empty_dict_success": {},
    "_success_scenarios_empty_string_success": "",
    "_success_scenarios_empty_batch_item_failure_succ": {"batchItemFailures": []},
    "_success_scenarios_null_batch_item_failure_succe": {"batchItemFailures": None},
    "_failure_scenarios_empty_string_item_identifier_": failed(""),
    "_failure_scenarios_null_item_identifier_failure": {"batchItemFailures": [{"itemIdentifier": None}]},
    "_failure_scenarios_invalid_key_foo_failure": {"batchItemFailures": [{"foo": "bar"}]},
    "_failure_scenarios_invalid_key_foo_null_value_fa": {"batchItemFailures": [{"foo": None}]},
    "_failure_scenarios_item_identifier_not_present_f": failed("123"),
    "_failure_scenarios_unhandled_exception_in_functi": ValueError("unhandled"),
}
DELIVERED = (
    "_test_create_kinesis_event_source_mapping",
    "_multiple_lambdas_single_kinesis_event_stream",
    "_with_async_invocation",
    "_trim_horizon",
    "_test_dynamodb_event_source_mapping",
)


def reply_of(name: str) -> Any:
    return next(reply for part, reply in REPLIES.items() if part in name)


def always(reply: Any) -> ScriptedFunction:
    def handle(_: list[Any]) -> Any:
        if isinstance(reply, Exception):
            raise reply
        return reply

    return ScriptedFunction(handle)


def records_of(held: Any) -> list[dict[str, Any]]:
    """List the records that were in the stream, each once."""
    found = {restaged(each).id: each for batch in events(held) for each in batch}
    return list(found.values())


def a_record(name: str) -> dict[str, Any]:
    """Return a record of the same kind of stream, from a snapshot that has some."""
    kind = "kinesis_*" if name.startswith("kinesis") else "dynamodb*"
    record: dict[str, Any] = records_of(content(named(f"{kind}_empty_dict_success")[0]))[0]
    return record


@pytest.fixture
def poll(tmp_path: Path) -> Poll:
    """Poll a stream under a recorded mapping's settings until all of it is done or given up."""
    folders = count()

    def poll_until_done(
        function: ScriptedFunction, records: list[dict[str, Any]], held: Any, **settings: Any
    ) -> PolledList:
        asked = mapping(held)
        source: Any = Kinesis if "kinesis" in records[0] else TableStream
        declared = source(
            "listed",
            batch_size=asked.get("BatchSize", 1),
            window_s=asked.get("MaximumBatchingWindowInSeconds", 0),
            start="TRIM_HORIZON",  # all of it is there when polling begins
            bisect=False,
            dead_letters="dead",
            filters=tuple(each["Pattern"] for each in asked.get("FilterCriteria", {}).get("Filters", ())),
            **{"retries": asked.get("MaximumRetryAttempts", 2), **settings},
        )
        polled = PolledList(function)
        info: Any = "KinesisBatchInfo" if source is Kinesis else "DDBStreamBatchInfo"
        polled.poll_stream(declared, ListedStream(records, info=info), folder=tmp_path / str(next(folders)))
        return polled

    return poll_until_done


def written(polled: PolledList) -> Any:
    """Return the one message that says what was given up."""
    (body,) = polled.given_up.bodies()
    return json.loads(body)


@pytest.mark.parametrize("name", recordings("*_success_scenarios_*"))
def test_what_reads_as_success_is_delivered_once(name: str, poll: Poll) -> None:
    held = content(name)

    polled = poll(always(reply_of(name)), records_of(held), held)

    assert polled.function.batches == events(held)
    assert polled.given_up.bodies() == []


@pytest.mark.parametrize("name", recordings("*_failure_scenarios_*"))
def test_what_reads_as_failure_is_delivered_again_and_given_up_in_the_end(name: str, poll: Poll) -> None:
    held = content(name)
    theirs = failure_record(held)
    retries = theirs["requestContext"]["approximateInvokeCount"] - 1

    polled = poll(always(reply_of(name)), records_of(held), held, retries=retries)

    assert polled.function.batches == events(held)
    assert like(written(polled), theirs)


@pytest.mark.parametrize("name", recordings("*_test_*_report_batch_item_failures"))
def test_a_partial_reply_is_followed(name: str, poll: Poll) -> None:
    held = content(name)

    def fail_if_told(records: list[Any]) -> Any:
        told = [restaged(each) for each in records if told_to_fail(each)]
        return failed(*(each.id for each in told))

    polled = poll(ScriptedFunction(fail_if_told), records_of(held), held)

    assert polled.function.records == [record for batch in events(held) for record in batch]
    assert like(written(polled), failure_record(held))


def told_to_fail(record: dict[str, Any]) -> bool:
    if "kinesis" in record:
        return bool(json.loads(b64decode(record["kinesis"]["data"]))["should_fail"])
    return bool(record["dynamodb"]["NewImage"]["should_fail"]["BOOL"])


@pytest.mark.parametrize("name", recordings("*_failures_with_on_failure_destination_config"))
def test_what_partial_replies_name_too_often_is_given_up(name: str, poll: Poll) -> None:
    held = content(name)

    polled = poll(ScriptedFunction(lambda some: failed(restaged(some[0]).id)), [a_record(name)], held)

    assert like(written(polled), failure_record(held))


@pytest.mark.parametrize("name", recordings("*_mapping_with_on_failure_destination_config"))
def test_what_fails_too_often_is_given_up(name: str, poll: Poll) -> None:
    held = content(name)

    polled = poll(always(ValueError("broken")), [a_record(name)], held)

    assert like(written(polled), failure_record(held))


def test_what_a_topic_or_a_bucket_would_be_told_is_what_a_queue_is_told(poll: Poll) -> None:
    names = named("_sns_on_failure_destination_config", "_s3_on_failure_destination")
    if not names:
        pytest.skip(ABSENT)

    for name in names:
        held = content(name)
        theirs = failure_record(held)
        theirs.pop("payload", None)  # a bucket gets the records too

        polled = poll(always(ValueError("broken")), [a_record(name)], held)

        assert like(written(polled), theirs)


@pytest.mark.parametrize("name", recordings("*_discard_records", "*_expire_before_ingestion"))
def test_the_head_that_is_too_old_is_given_up_and_the_rest_is_delivered(name: str, poll: Poll) -> None:
    held = content(name)
    fresh = records_of(held)
    old = a_record(name)
    old["kinesis"] |= {"sequenceNumber": "1", "approximateArrivalTimestamp": ARRIVED_AT - 120}

    polled = poll(ScriptedFunction(), [old, *fresh], held, max_age_s=60)

    assert polled.function.records == fresh
    assert like(written(polled), failure_record(held))


@pytest.mark.parametrize("name", recordings("*_expire_while_retrying"))
def test_what_grows_too_old_while_it_is_retried_is_given_up(name: str, poll: Poll) -> None:
    held = content(name)

    polled = poll(always(ValueError("broken")), [a_record(name)], held, max_age_s=60)

    assert like(written(polled), failure_record(held))


def test_what_grows_too_old_while_it_is_retried_is_told_of_as_recorded_but_for_the_tries(poll: Poll) -> None:
    (name,) = named("_expire_while_retrying") or pytest.skip(ABSENT)
    held = content(name)

    polled = poll(always(ValueError("broken")), [a_record(name)], held, max_age_s=60)

    ours, theirs = written(polled), failure_record(held)
    assert ours["requestContext"].pop("approximateInvokeCount") == 6
    assert theirs["requestContext"].pop("approximateInvokeCount") == 8
    assert like(ours, theirs)


@pytest.mark.parametrize("name", recordings(*(f"*{each}" for each in DELIVERED)))
def test_a_stream_is_delivered_in_the_recorded_batches(name: str, poll: Poll) -> None:
    held = content(name)
    by_function = [[batch] for batch in events(held)] if "multiple_lambdas" in name else [events(held)]

    for batches in by_function:
        polled = poll(ScriptedFunction(), records_of(held), held)

        assert polled.function.batches == batches


@pytest.mark.parametrize("name", recordings("_test_dynamodb_event_filter_*"))
def test_a_table_s_filter_takes_what_it_was_recorded_to_take(name: str, poll: Poll) -> None:
    held = content(name)
    taken = records_of(held)

    polled = poll(ScriptedFunction(), taken, held)

    assert polled.function.records == taken


@pytest.mark.parametrize("name", recordings("kinesis*_event_filtering_json_pattern"))
def test_a_stream_s_filter_reads_the_data(name: str, poll: Poll) -> None:
    held = content(name)
    payloads = [{"event_type": f"function_{at}", "message": "foo"} for at in (1, 2)]
    records = [a_record(name) for _ in payloads]
    for at, (record, payload) in enumerate(zip(records, payloads, strict=True)):
        data = b64encode(json.dumps(payload).encode()).decode()
        record["kinesis"] |= {"sequenceNumber": str(at), "data": data}

    polled = poll(ScriptedFunction(), records, held)

    taken = [json.loads(b64decode(each["kinesis"]["data"])) for each in polled.function.records]
    assert taken == json.loads(held["kinesis-record-lambda-payload"])
