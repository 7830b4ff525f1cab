"""What commands outside a worker find by a logical name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

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


def test_a_stream_that_only_carries_a_tables_changes_is_the_tables_own_where_it_is_missing() -> None:
    assert names().stream_arn("task-stream", carried=["others", "tasks"]) == TASKS_ARN


def test_a_stream_that_nobody_has_is_told_with_the_cure() -> None:
    with pytest.raises(SettingsError, match="there is no stream 'nope', and no table of that name"):
        names().stream_arn("nope")
