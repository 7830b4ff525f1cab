"""Traces: what a collector is sent, before the reply leaves; and what a collector can never do."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from collector import Collector, values
from imported import import_path
from worker_runtime.errors import SettingsError
from worker_runtime.handler import open_door
from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn
from worker_runtime.middleware.trace_export import FLUSH_VARIABLE, SPANS_MAX, Spans
from worker_runtime.middleware.trace_links import LINKS_MAX, from_xray
from worker_runtime.testing import (
    Context,
    field_event,
    http_event,
    kafka_event,
    kafka_record,
    message,
    notification,
    s3_event,
    schedule_event,
    sns_event,
    sqs_event,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    from installed import Site
    from worker_runtime.local.stage.parts.http_server import Request

PHONE = "+15551234567"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
WORKER = """
    import logging
    from typing import Any
    from opentelemetry import trace
    from worker_runtime import ApiGateway, AppSync, Kafka, Schedule, Skip, Sns, Sqs, Stack, worker
    from worker_runtime.clients.http import HttpService

    @worker(
        Sqs("orders", dead_letters="orders-dlq"),
        Schedule("rate(1 minute)", payload={"do": "tick"}),
        ApiGateway("POST /orders"),
        AppSync("Query.order"),
        Kafka("orders", dead_letters="orders-dlq"),
        Sns("orders", dead_letters="orders-dlq"),
        timeout_s=10,
        stack=Stack("shop"),
        concurrency=2,
    )
    def work(order: dict[str, Any]) -> None:
        \"\"\"Work an order.\"\"\"
        logging.getLogger("shop").info("working")
        match order.get("do"):
            case "fail":
                raise OSError("no answer from +15551234567")
            case "skip":
                raise Skip("done")
            case "call":
                shop = HttpService(order["at"], name="shop")
                shop.get("/")
                shop.close()
            case "garble":
                raise OSError("no answer \\ud800 from +15551234567")
            case "name":
                trace.get_current_span().update_name("\\ud800")
            case "note":
                trace.get_current_span().set_attribute("shop.note", "noted")
"""


class Run(NamedTuple):
    """What came of an invocation: reply or error, lines printed, seconds taken."""

    reply: Any
    error: Exception | None
    lines: list[dict[str, Any]]
    took_s: float

    def counted(self, name: str) -> int:
        return sum(sum(line.get(name, [])) for line in self.lines)


class Door:
    """Lambda's door to the worker, opened with what the environment says."""

    def __init__(self, **variables: str) -> None:
        named = {"APP_NAME": "shop.work", "ENVIRONMENT_TAG": "qa1", "AWS_REGION": "us-east-1"}
        self._handler = open_door({**named, **variables}, at_end=lambda _close: None)

    def __call__(self, event: Any, *, remaining_s: float = 60) -> Run:
        printed, began = io.StringIO(), time.monotonic()
        reply, error = None, None
        with redirect_stdout(printed):
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler):
                    handler.setStream(sys.stdout)
            try:
                reply = self._handler(event, Context(remaining_s=remaining_s))
            except Exception as raised:
                error = raised
        lines = [json.loads(line) for line in printed.getvalue().splitlines()]
        return Run(reply, error, lines, time.monotonic() - began)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(autouse=True)
def _installed(installed_plugin: Site) -> Iterator[None]:
    installed_plugin.install_plugin("shop", worker=WORKER)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with import_path(installed_plugin.folder):
        yield
    root.handlers[:] = handlers
    root.setLevel(level)


def to(collector: StandIn, **variables: str) -> Door:
    """Open a door that waits for the collector, however busy the machine is."""
    patient = {FLUSH_VARIABLE: "20000", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    return Door(**{**patient, **variables})


def hurried_to(collector: StandIn) -> Door:
    """Open a door that waits as long as it does where nobody says how long."""
    return Door(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)


@contextmanager
def environ(**variables: str) -> Iterator[None]:
    """Set what the SDK itself reads."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def sent_by(
    senders: Mapping[str, str] | None = None, *, xray: str | None = None, at: int = 0
) -> dict[str, Any]:
    made = message({}, at=at, attributes=senders)
    if xray:
        made["attributes"]["AWSTraceHeader"] = xray
    return made


def linked(span: Span) -> list[tuple[str, str]]:
    return [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]


def test_an_invocation_is_a_span_and_is_there_before_its_reply_leaves(collector: Collector) -> None:
    door = to(collector, AWS_LAMBDA_FUNCTION_NAME="shop-work-qa1", AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512")

    run = door(sqs_event({}, {}))

    (span,) = collector.spans
    assert run.reply == {"batchItemFailures": []}
    assert (span.name, span.kind, span.parent_span_id) == ("shop.work", Span.SPAN_KIND_CONSUMER, b"")
    assert values(span.attributes) == {
        "faas.trigger": "pubsub",
        "faas.invocation_id": Context().aws_request_id,
        "faas.coldstart": True,
        "messaging.system": "aws_sqs",
        "messaging.destination.name": "orders",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.batch.message_count": 2,
    }
    said = {
        "service.name": "workers-shop",
        "service.version": "1.0.0",
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": "us-east-1",
        "deployment.environment.name": "qa1",
        "faas.name": "shop-work-qa1",
        "faas.max_memory": 536_870_912,
    }
    assert said.items() <= collector.resource.items()


def test_the_service_goes_by_the_name_that_the_environment_gives_it(collector: Collector) -> None:
    to(collector, OTEL_SERVICE_NAME="vf.shop.workers")(sqs_event({}))

    assert collector.resource["service.name"] == "vf.shop.workers"


def test_only_the_first_invocation_is_a_cold_start(collector: Collector) -> None:
    door = to(collector)

    door(sqs_event({}))
    door(sqs_event({}))

    cold = [values(span.attributes)["faas.coldstart"] for span in collector.spans]
    assert cold == [True, False]
    assert len({span.trace_id for span in collector.spans}) == 2


def test_a_schedule_s_tick_is_no_message(collector: Collector) -> None:
    to(collector)(schedule_event({"do": "tick"}))

    (span,) = collector.spans
    said = values(span.attributes)
    assert said["faas.trigger"] == "timer"
    assert not [name for name in said if name.startswith("messaging")]


def test_an_invocation_is_linked_to_who_sent_its_records(collector: Collector) -> None:
    by_x_ray_and_w3c = sent_by({"traceparent": PARENT.replace("b7-01", "b8-00")}, xray=XRAY, at=2)
    records = [sent_by({"traceparent": PARENT}), sent_by(xray=XRAY, at=1), by_x_ray_and_w3c, sent_by(at=3)]

    to(collector)({"Records": records})

    (span,) = collector.spans
    assert linked(span) == [
        ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"),
        ("5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b8"),
    ]


def test_one_sender_of_many_records_is_linked_once(collector: Collector) -> None:
    to(collector)({"Records": [sent_by({"traceparent": PARENT}, at=at) for at in range(5)]})

    assert len(collector.spans[0].links) == 1


def test_no_more_senders_are_linked_than_a_span_keeps(collector: Collector) -> None:
    senders = [f"00-{at + 1:032x}-{at + 1:016x}-01" for at in range(LINKS_MAX + 5)]

    to(collector)({"Records": [sent_by({"traceparent": each}, at=at) for at, each in enumerate(senders)]})

    (span,) = collector.spans
    assert len(span.links) == LINKS_MAX
    assert span.dropped_links_count == 0


@pytest.mark.parametrize(
    "broken", ["", "nonsense", PARENT[:-3], PARENT.replace("4", "x"), f"00-{'0' * 32}-{'0' * 16}-01", "\0"]
)
def test_a_sender_that_cannot_be_read_is_left_out(collector: Collector, broken: str) -> None:
    run = to(collector)({"Records": [sent_by({"traceparent": broken}, xray=broken)]})

    assert run.reply == {"batchItemFailures": []}
    assert not collector.spans[0].links


@pytest.mark.parametrize("junk", [None, 1, "text", [], {"stringValue": 3}, {"x": None}])
def test_junk_where_the_senders_would_stand_fails_nothing_but_its_record(
    collector: Collector, junk: Any
) -> None:
    broken = message({}) | {"messageAttributes": junk, "attributes": junk}

    run = to(collector)({"Records": [broken, sent_by({"traceparent": PARENT}, at=1)]})

    assert run.error is None
    assert len(collector.spans[0].links) == 1


@pytest.mark.parametrize(
    "header", ["Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8", ""]
)
def test_half_an_x_ray_header_names_nobody(header: str) -> None:
    assert from_xray(header) is None


def test_a_sender_that_x_ray_did_not_keep_is_not_linked(collector: Collector) -> None:
    to(collector)({"Records": [sent_by(xray=XRAY.replace("Sampled=1", "Sampled=0"))]})

    assert not collector.spans[0].links


def test_lambda_s_own_segment_is_linked_where_x_ray_keeps_it(collector: Collector) -> None:
    to(collector, _X_AMZN_TRACE_ID=XRAY)(sqs_event({}))
    to(collector, _X_AMZN_TRACE_ID=XRAY.replace("Sampled=1", "Sampled=0"))(sqs_event({}))

    kept, unkept = collector.spans
    assert linked(kept) == [("5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8")]
    assert not unkept.links


@pytest.mark.parametrize("name", ["traceparent", "Traceparent", "X-Amzn-Trace-Id"])
@pytest.mark.parametrize("v2", [True, False])
def test_who_waits_for_a_reply_is_the_parent(collector: Collector, name: str, *, v2: bool) -> None:
    header = XRAY if name.startswith("X") else PARENT
    sent = http_event({}, route="POST /orders", headers={name: header}, v2=v2)

    to(collector)(sent)

    (span,) = collector.spans
    expected = from_xray(XRAY) if header is XRAY else None
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.trace_id.hex() == (f"{expected.trace_id:032x}" if expected else PARENT[3:35])
    assert span.parent_span_id.hex() == (f"{expected.span_id:016x}" if expected else PARENT[36:52])
    assert not span.links
    said = values(span.attributes)
    assert (said["faas.trigger"], said["http.response.status_code"]) == ("http", 200)


def test_what_a_caller_is_told_went_wrong_inside_is_an_error(collector: Collector) -> None:
    to(collector)(http_event({"do": "fail"}, route="POST /orders"))

    (span,) = collector.spans
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert values(span.attributes)["http.response.status_code"] == 503


def test_a_caller_of_app_sync_is_the_parent_of_all_that_it_asks_at_once(collector: Collector) -> None:
    asked = [field_event(field="Query.order", headers={"traceparent": PARENT}) for _ in range(3)]

    to(collector)(asked)

    (span,) = collector.spans
    assert (span.kind, span.parent_span_id.hex()) == (Span.SPAN_KIND_SERVER, PARENT[36:52])


def test_a_caller_that_is_not_sampled_is_not_traced_further(collector: Collector) -> None:
    unsampled = f"{PARENT[:-2]}00"

    run = to(collector)(http_event({}, route="POST /orders", headers={"traceparent": unsampled}))

    assert not collector.spans
    assert {line["trace_id"] for line in run.lines if "level" in line} == {PARENT[3:35]}


def test_a_caller_that_x_ray_does_not_sample_is_no_parent(collector: Collector) -> None:
    unsampled = XRAY.replace("Sampled=1", "Sampled=0")

    to(collector)(http_event({}, route="POST /orders", headers={"X-Amzn-Trace-Id": unsampled}))

    assert [span.parent_span_id for span in collector.spans] == [b""]


def test_a_kafka_record_is_linked_by_its_header(collector: Collector) -> None:
    record = kafka_record({}) | {"headers": [{"traceparent": list(PARENT.encode())}]}

    to(collector)(kafka_event(record))

    (span,) = collector.spans
    assert linked(span) == [(PARENT[3:35], PARENT[36:52])]
    assert values(span.attributes)["messaging.system"] == "kafka"


def test_a_topic_s_message_is_linked_by_its_attribute(collector: Collector) -> None:
    to(collector)(sns_event({}, topic="orders", attributes={"traceparent": PARENT}))

    (span,) = collector.spans
    assert linked(span) == [(PARENT[3:35], PARENT[36:52])]
    assert values(span.attributes)["messaging.system"] == "aws.sns"


def test_a_message_that_a_topic_put_into_a_queue_is_linked_too(collector: Collector) -> None:
    inside = notification({}, attributes={"traceparent": PARENT})

    to(collector)({"Records": [message(inside)]})

    assert linked(collector.spans[0]) == [(PARENT[3:35], PARENT[36:52])]


def test_a_batch_of_which_some_comes_again_is_an_error(collector: Collector) -> None:
    run = to(collector)(sqs_event({}, {"do": "fail"}))

    (span,) = collector.spans
    assert len(run.reply["batchItemFailures"]) == 1
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "1 records come again")
    assert values(span.attributes)["worker.records.redelivered"] == 1


def test_what_is_raised_is_noted_without_its_personal_data(collector: Collector) -> None:
    run = to(collector)(schedule_event({"do": "fail"}))

    (span,) = collector.spans
    (event,) = span.events
    said = values(event.attributes)
    assert type(run.error).__name__ == "OSError"
    assert (event.name, said["exception.type"]) == ("exception", "OSError")
    assert said["exception.message"] == span.status.message == "no answer from +*******4567"
    assert "in work" in said["exception.stacktrace"]
    assert values(span.attributes)["error.type"] == "OSError"
    assert "555123" not in str(collector.spans)


def test_an_error_whose_text_nobody_could_write_costs_no_span(collector: Collector) -> None:
    door = to(collector, WORKER_TRACE_RECORDS="1")

    runs = [door(sqs_event({"do": "garble"})), door(schedule_event({"do": "garble"})), door(sqs_event({}))]

    assert len(collector.spans) == 6
    assert collector.spans[0].status.message == "no answer ? from +*******4567"
    assert [run.counted("SpansLost") for run in runs] == [0, 0, 0]


def test_a_name_that_nobody_could_write_costs_its_span_alone(collector: Collector) -> None:
    door = to(collector, WORKER_TRACE_RECORDS="1")

    garbled, after = door(sqs_event({"do": "name"}, {})), door(sqs_event({}))

    assert len(collector.spans) == 2 + 2
    assert (garbled.counted("SpansLost"), after.counted("SpansLost")) == (1, 0)
    assert "left alone" not in str(garbled.lines)


def test_spans_that_there_is_no_room_for_are_counted() -> None:
    sent: list[ReadableSpan] = []

    def export(ended: list[ReadableSpan]) -> SpanExportResult:
        sent.extend(ended)
        return SpanExportResult.SUCCESS

    spans = Spans(export)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(spans)
    tracer = provider.get_tracer("shop")

    for _ in range(SPANS_MAX + 3):
        tracer.start_span("work").end()

    assert (spans.flush(), len(sent)) == (3, SPANS_MAX)
    assert spans.flush() == 0


OTHERS = """
    from typing import Any
    from worker_runtime import AppSync, Invoke, Sns, Sqs, Stack, worker

    opened = []

    class Counted(Sqs, frozen=True):
        def records(self, event):
            opened.append(event)
            return Sqs.records(self, event)

    @worker(
        Invoke(),
        Counted("orders", dead_letters="dlq"),
        Sqs("market-orders", dead_letters="dlq"),
        Sns("orders", dead_letters="dlq"),
        AppSync("Query.order"),
        timeout_s=10,
        stack=Stack("mall"),
    )
    def work(order: Any) -> None:
        \"\"\"Work whatever comes.\"\"\"
"""
FILES = """
    import logging
    from worker_runtime import S3, S3Object, Stack, worker

    @worker(S3("files", dead_letters="dlq"), stack=Stack("files"))
    def work(found: S3Object) -> None:
        \"\"\"Work a file.\"\"\"
        logging.getLogger("files").info("working")
"""


def test_a_span_names_the_source_that_ran(installed_plugin: Site, collector: Collector) -> None:
    installed_plugin.install_plugin("mall", worker=OTHERS)
    mall = to(collector, APP_NAME="mall.work", WORKER_TRACE_RECORDS="1")

    mall(sqs_event({}, queue="prd-market-orders"))
    mall(sns_event({}, topic="orders"))
    mall({"id": "1"})

    of_records, wholes = collector.spans[::2], collector.spans[1::2]
    named = [values(span.attributes).get("messaging.destination.name") for span in wholes]
    assert named == ["market-orders", "orders", None]
    assert [span.name for span in of_records] == ["process market-orders", "process orders", "process direct"]
    assert [span.kind for span in wholes] == [Span.SPAN_KIND_CONSUMER] * 2 + [Span.SPAN_KIND_SERVER]


def test_a_batch_is_opened_once(installed_plugin: Site, collector: Collector) -> None:
    installed_plugin.install_plugin("mall", worker=OTHERS)

    to(collector, APP_NAME="mall.work")(sqs_event({}, {}, queue="prd-orders"))

    assert len(sys.modules["mall_things.work"].opened) == 1


def test_personal_data_in_an_id_is_in_no_span_and_no_log_line(
    installed_plugin: Site, collector: Collector
) -> None:
    installed_plugin.install_plugin("files", worker=FILES)
    door = to(collector, APP_NAME="files.work", WORKER_TRACE_RECORDS="1")

    run = door(s3_event("users/jane.doe@example.com.json", bucket="files"))

    of_record, _ = collector.spans
    (working,) = [line for line in run.lines if line.get("message") == "working"]
    assert "@e***" in str(values(of_record.attributes)["worker.record.id"])
    assert "@e***" in working["record_id"]
    assert "jane.doe" not in f"{collector.spans} {run.lines}"


def test_an_event_that_nobody_takes_is_a_span_with_its_error(collector: Collector) -> None:
    run = to(collector)(["what", "ever"])

    (span,) = collector.spans
    assert type(run.error).__name__ == "UnrecognisedEvent"
    assert values(span.attributes)["error.type"] == "UnrecognisedEvent"


def test_each_record_is_a_span_where_it_is_asked_for(collector: Collector) -> None:
    records = [message({"do": "fail"}), message({"do": "skip"}, at=1), sent_by({"traceparent": PARENT}, at=2)]

    run = to(collector, WORKER_TRACE_RECORDS="1")({"Records": [*records, message("{", at=3)]})

    *each, whole = collector.spans
    by_id = {values(span.attributes)["messaging.message.id"]: span for span in each}
    failed, skipped, done, rejected = (
        by_id[record["messageId"]] for record in [*records, message("{", at=3)]
    )
    assert {span.name for span in each} == {"process orders"}
    assert {(span.trace_id, span.parent_span_id) for span in each} == {(whole.trace_id, whole.span_id)}
    outcomes = [
        values(span.attributes)["worker.record.outcome"] for span in (failed, skipped, done, rejected)
    ]
    assert outcomes == ["retry", "skip", "done", "reject"]
    assert failed.status.code == rejected.status.code == Status.STATUS_CODE_ERROR
    assert skipped.status.code == done.status.code == Status.STATUS_CODE_OK
    assert values(failed.events[0].attributes)["exception.message"] == "no answer from +*******4567"
    assert linked(done) == [("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")]
    assert run.error is None


def test_log_lines_name_the_span_that_they_belong_to(collector: Collector) -> None:
    run = to(collector, WORKER_TRACE_RECORDS="1")(sqs_event({}, {}))

    *each, whole = collector.spans
    working = [line for line in run.lines if line.get("message") == "working"]
    (summary,) = [line for line in run.lines if line.get("message") == "2 records"]
    assert {line["span_id"] for line in working} == {span.span_id.hex() for span in each}
    assert {line["trace_id"] for line in (*working, summary)} == {whole.trace_id.hex()}
    assert summary["span_id"] == whole.span_id.hex()


def test_the_line_of_an_invocation_that_raised_names_its_span(collector: Collector) -> None:
    run = to(collector)(schedule_event({"do": "fail"}))

    traced = [line for line in run.lines if "level" in line]
    assert {line.get("span_id") for line in traced} == {collector.spans[0].span_id.hex()}


def test_a_worker_may_add_to_the_span_at_hand(collector: Collector) -> None:
    to(collector)(sqs_event({"do": "note"}))

    assert values(collector.spans[0].attributes)["shop.note"] == "noted"


class Shop(StandIn):
    """Answers whatever it is asked."""

    def handle(self, request: Request) -> Response:  # noqa: ARG002 - see above
        return Response()


def test_what_a_worker_calls_is_made_a_part_of_the_trace(collector: Collector) -> None:
    with Shop() as shop:
        to(collector, WORKER_TRACE_RECORDS="1")(sqs_event({"do": "call", "at": shop.url}))

    of_record, _ = collector.spans
    (exchange,) = shop.exchanges
    assert exchange.request.headers["traceparent"].startswith(
        f"00-{of_record.trace_id.hex()}-{of_record.span_id.hex()}-"
    )


def test_what_is_not_sampled_is_not_sent(collector: Collector) -> None:
    with environ(OTEL_TRACES_SAMPLER="always_off"):
        door = to(collector)

    run = door(sqs_event({}))

    assert run.reply == {"batchItemFailures": []}
    assert not collector.exchanges
    assert run.counted("SpansLost") == 0


def test_a_collector_that_is_not_there_fails_nothing_and_is_left_alone_for_a_while() -> None:
    with Collector() as gone:
        pass
    door = hurried_to(gone)

    first, second = door(sqs_event({})), door(sqs_event({}))

    assert first.reply == second.reply == {"batchItemFailures": []}
    assert (first.counted("SpansLost"), second.counted("SpansLost")) == (1, 1)
    assert first.took_s < 5
    assert second.took_s < 0.4
    assert {line["level"] for line in first.lines if "level" in line} == {"INFO", "WARNING"}
    assert not [line for line in second.lines if line.get("level") == "WARNING"]


def test_a_collector_that_hangs_is_waited_for_half_a_second_and_once(collector: Collector) -> None:
    collector.fail_next(9, hang=True)
    door = hurried_to(collector)

    first, second = door(sqs_event({})), door(sqs_event({}))

    assert first.reply == second.reply == {"batchItemFailures": []}
    assert 0.4 < first.took_s < 5
    assert second.took_s < 0.4
    assert (first.counted("SpansLost"), second.counted("SpansLost")) == (1, 1)


def test_a_slow_collector_gets_its_spans(collector: Collector) -> None:
    collector.slow_next(latency_s=0.1)

    run = to(collector)(sqs_event({}))

    assert len(collector.spans) == 1
    assert run.counted("SpansLost") == 0


@pytest.mark.parametrize("status", [400, 413, 429, 500, 503])
def test_a_collector_that_refuses_costs_its_spans_and_no_more(collector: Collector, status: int) -> None:
    collector.fail_next(status=status)

    run = hurried_to(collector)(sqs_event({}))

    assert run.reply == {"batchItemFailures": []}
    assert run.counted("SpansLost") == 1
    assert run.took_s < 5


def test_the_environment_says_how_long_a_collector_is_waited_for(collector: Collector) -> None:
    collector.fail_next(9, hang=True)

    run = to(collector, OTEL_BSP_EXPORT_TIMEOUT="1000")(sqs_event({}))

    assert 0.9 < run.took_s < 10
    assert run.counted("SpansLost") == 1


def test_a_wait_that_is_no_number_is_told_and_passed_over(
    collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    to(collector, OTEL_BSP_EXPORT_TIMEOUT="half a second")(sqs_event({}))

    told = "OTEL_BSP_EXPORT_TIMEOUT is 'half a second', and no number of milliseconds"
    assert told in capsys.readouterr().out


def test_nobody_waits_for_a_collector_at_the_end_of_the_time(collector: Collector) -> None:
    collector.fail_next(9, hang=True)

    run = to(collector)(sqs_event({}), remaining_s=0.2)

    assert run.took_s < 10
    assert run.counted("SpansLost") == 1


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
    ],
    ids=["unset", "empty", "disabled"],
)
def test_without_a_collector_nothing_is_traced(variables: dict[str, str]) -> None:
    run = Door(**variables)(sqs_event({}))

    assert run.counted("SpansLost") == 0
    assert not [line for line in run.lines if "trace_id" in line]


def test_the_endpoint_for_traces_alone_is_taken_as_it_is(collector: Collector) -> None:
    Door(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces")(sqs_event({}))

    assert len(collector.spans) == 1


def test_an_endpoint_without_a_scheme_is_named() -> None:
    with pytest.raises(
        SettingsError,
        match=re.escape(
            "OTEL_EXPORTER_OTLP_ENDPOINT is 'collector:4318'; say http:// or https:// before it."
        ),
    ):
        Door(OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318")


def test_without_the_library_a_collector_is_an_error_with_its_cure(installed_plugin: Site) -> None:
    program = "import sys; sys.modules['opentelemetry'] = None; from worker_runtime.handler import handler"
    variables = {
        "APP_NAME": "shop.work",
        "PYTHONPATH": str(installed_plugin.folder),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    work = installed_plugin.folder / "shop_things" / "work.py"
    work.write_text(work.read_text().replace("from opentelemetry import trace\n", ""))

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", program],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "SettingsError: shop.work cannot be traced" in done.stderr
    assert "install worker-runtime[otel]" in done.stderr


def test_log_lines_name_lambda_s_own_trace_whoever_else_traces() -> None:
    door = Door()

    with environ(_X_AMZN_TRACE_ID=XRAY):
        run = door(sqs_event({}))

    lines = [line for line in run.lines if "level" in line]
    assert {line["xray_trace_id"] for line in lines} == {"1-5759e988-bd862e3fe1be46a994272793"}
