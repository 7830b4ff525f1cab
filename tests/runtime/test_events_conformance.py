"""Sample events of many services: each is taken by its source, or refused in one clear line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from conformance import FOLDER
from worker_runtime import (
    S3,
    ApiGateway,
    AppSync,
    AppSyncAuthorizer,
    Change,
    EventBridge,
    Firehose,
    Invoke,
    Kafka,
    Kinesis,
    S3Object,
    Schedule,
    Sns,
    Sqs,
    Stack,
    TableStream,
    TokenAuthorizer,
    Worker,
    worker,
)
from worker_runtime.errors import UnrecognisedEvent, WorkerRuntimeError
from worker_runtime.testing import ready, run_on

if TYPE_CHECKING:
    from worker_runtime.sources import Source

SHOP = Stack("shop")
LETTERS: Any = {"dead_letters": "letters"}
SOURCES: tuple[Source, ...] = (
    Sqs("queue", **LETTERS),
    Kinesis("stream", **LETTERS),
    TableStream("table", **LETTERS),
    Kafka("topic", **LETTERS),
    Firehose("delivery"),
    ApiGateway("POST /orders"),
    TokenAuthorizer("tokens"),
    AppSync("Query.order"),
    AppSyncAuthorizer("api"),
    S3("bucket", **LETTERS),
    Sns("topic", **LETTERS),
    EventBridge("rule", pattern={"source": ["shop"]}, **LETTERS),
)
"""Without Invoke and Schedule, which take whatever a person may hand them."""

TAKEN_BY = {
    "api_gateway": ("powertools_apiGatewayProxy", "powertools_lambdaFunctionUrl", "sam_apigateway_aws-proxy"),
    "token_authorizer": ("powertools_apiGatewayAuthorizer", "sam_apigateway_request-authorizer"),
    "appsync": ("powertools_appSync", "sam_appsync"),
    "event_bridge": ("powertools_eventBridge", "powertools_s3EventBridge"),
    "firehose": (
        "powertools_kinesisFirehose",
        "sam_kinesis_cloudwatch-logs-processor",
        "sam_kinesis_kinesis-firehose",
    ),
    "kafka": ("powertools_kafkaEvent",),
    "kinesis table_stream": ("powertools_kinesisStream",),
    "table_stream": ("sam_dynamodb_update",),
    "s3": ("powertools_s3EventDe", "sam_s3_put"),
    "sns": ("powertools_snsEvent",),
    "sqs": ("powertools_sqs", "powertools_s3SqsEvent"),
}
FILES = sorted((FOLDER / "events").glob("*.json")) if FOLDER.is_dir() else []
ABSENT = pytest.mark.skip(reason=f"no events in {FOLDER}; WORKERS_CONFORMANCE names the folder")
EVENTS = [pytest.param(json.loads(file.read_text()), file.stem, id=file.stem) for file in FILES] or [
    pytest.param({}, "", marks=ABSENT)
]


def taking(source: Source) -> Worker[..., Any]:
    def take(event: dict[str, Any]) -> None:
        """Take anything."""

    def take_change(change: Change[dict[str, Any]]) -> None:
        """Take any change."""

    def take_object(changed: S3Object) -> None:
        """Take any object."""

    takes: dict[str, Any] = {"table_stream": take_change, "s3": take_object}
    return worker(source, stack=SHOP, timeout_s=10)(takes.get(source.kind, take))


def said_of(event: Any, source: Source) -> Exception | None:
    """Run a worker of one source on an event and return what is raised."""
    try:
        run_on(taking(source), event)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize(("event", "name"), EVENTS)
def test_a_sample_event_is_recognised_by_its_own_source_alone(event: Any, name: str) -> None:
    expected = [kinds for kinds, names in TAKEN_BY.items() if name.startswith(names)]

    recognised = " ".join(source.kind for source in SOURCES if source.recognises(event))

    assert recognised == "".join(expected)


@pytest.mark.parametrize(("event", "name"), EVENTS)
def test_a_sample_event_ends_in_a_reply_or_one_clear_line(event: Any, name: str) -> None:
    for source in SOURCES:
        error = said_of(event, source)

        assert isinstance(error, UnrecognisedEvent) is not source.recognises(event), name
        if isinstance(error, UnrecognisedEvent):
            assert str(error).startswith(
                tuple(f"test.take{suffix} takes " for suffix in ("", "_change", "_object"))
            )
            assert "\n" not in str(error)
        elif error is not None:  # API Gateway reads 401 in nothing but this text
            assert isinstance(error, WorkerRuntimeError) or str(error) == "Unauthorized"


@pytest.mark.parametrize(("event", "name"), EVENTS)
def test_what_may_be_anything_is_asked_last(event: Any, name: str) -> None:  # noqa: ARG001 - names the case
    @worker(AppSync("Query.order"), Sqs("queue", **LETTERS), Invoke(), stack=SHOP, timeout_s=10)
    def take(event: dict[str, Any]) -> None:
        """Take anything."""

    kind = ready(take).route(event).source.kind

    assert kind == next(
        (s.kind for s in SOURCES if s.kind in ("appsync", "sqs") and s.recognises(event)), "invoke"
    )


@pytest.mark.parametrize(
    "event", [None, 1, "text", [], [1], {}, {"Records": None}, {"Records": [None]}], ids=str
)
def test_what_is_no_event_is_refused_by_all_but_those_that_take_anything(event: Any) -> None:
    assert [source.kind for source in SOURCES if source.recognises(event)] == []
    assert Schedule("rate(1 minute)").recognises(event) is (event in (None, {}))
    assert Invoke().recognises(event)
