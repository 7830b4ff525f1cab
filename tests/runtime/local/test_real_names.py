"""What commands outside a worker find by a logical name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from worker_runtime import TableStream
from worker_runtime.errors import SettingsError
from worker_runtime.local.real_names import RealNames

TASKS_ARN = "arn:aws:dynamodb:us-east-1:0:table/local-tasks/stream/1"


class OneTable:
    """An AWS that has one table with a stream, ``local-tasks``, and no Kinesis stream."""

    region = "us-east-1"

    def __call__(self, _service: str) -> Any:
        return self

    def describe_table(self, *, TableName: str) -> Any:  # noqa: N803 - AWS's
        if TableName != "local-tasks":
            raise _missing("DescribeTable")
        return {"Table": {"LatestStreamArn": TASKS_ARN}}

    def describe_stream_summary(self, *, StreamName: str) -> Any:  # noqa: N803, ARG002 - AWS's
        raise _missing("DescribeStreamSummary")


def _missing(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, operation)


def names() -> RealNames:
    aws: Any = OneTable()
    return RealNames({}, aws=aws)


def test_a_stream_that_only_carries_a_table_s_changes_is_called_as_a_stage_calls_it() -> None:
    found = names().of([TableStream("tasks", kinesis="task-stream", dead_letters="dlq")])

    assert found.named("stream", "tasks") == TASKS_ARN
    assert found.named("stream", "task-stream") == "arn:aws:kinesis:us-east-1:0:stream/local-task-stream"


def test_a_carrier_that_is_there_is_read_even_where_the_table_has_a_stream_of_its_own() -> None:
    aws: Any = OneTable()
    arn = "arn:aws:kinesis:us-east-1:0:stream/task-stream"
    found = RealNames({"TASK_STREAM_ARN": arn}, aws=aws).of(
        [TableStream("tasks", kinesis="task-stream", dead_letters="dlq")]
    )

    assert found.named("stream", "task-stream") == arn
    assert not found.named("stream", "tasks")


@pytest.mark.parametrize(
    "said", ["tasks", "local-tasks", "prod-tasks", "arn:aws:dynamodb:::table/local-tasks"]
)
def test_a_resource_is_meant_by_any_of_its_names(said: str) -> None:
    aws: Any = OneTable()
    known = RealNames({"TASKS_TABLE": "prod-tasks"}, aws=aws)

    assert known.is_named(said, kind="table", logical="tasks")
    assert not known.is_named(said, kind="table", logical="others")


def test_a_stream_that_nobody_has_is_told_with_the_cure() -> None:
    with pytest.raises(SettingsError, match="there is no stream 'nope', and no table of that name"):
        names().stream_arn("nope")
