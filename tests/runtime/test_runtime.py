"""One invocation: what is logged and counted of it, what it replies, what it raises."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import (
    AppSync,
    Batch,
    Defer,
    Halt,
    Metrics,
    Middleware,
    Reject,
    ServiceRefused,
    Skip,
    Sqs,
    Stack,
    worker,
)
from worker_runtime.clock import Clock, SteppedClock, sleep, using
from worker_runtime.errors import BatchFailed, UnrecognisedEvent
from worker_runtime.runtime import composed, run
from worker_runtime.testing import (
    Context,
    RecordingSender,
    change,
    field_event,
    message,
    ready,
    run_on,
    sqs_event,
    table_event,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = Stack("shop")
ORDERS = Sqs("orders", dead_letters="orders-dlq")


@worker(ORDERS, stack=SHOP)
def act(verdict: str) -> None:
    """Do what the message asks for."""
    sleep(0.25)
    match verdict:
        case "skip":
            raise Skip("done before")
        case "defer":
            raise Defer(30, reason="busy")
        case "reject":
            raise Reject("TOLD_TO", "by the message")
        case "bug":
            raise KeyError("told to")
        case "halt":
            raise Halt("no credentials")


@pytest.fixture(autouse=True)
def clock() -> Iterator[Clock]:
    with using(SteppedClock()) as stepped:
        yield stepped


def metrics_of(printed: str) -> dict[str, Any]:
    """Return what the one metrics line of an invocation counts."""
    (line,) = (json.loads(each) for each in printed.splitlines() if "_aws" in each)
    named = [each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    return {name: line[name] for name in named}


def lines_of(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, Any]]]:
    """Return each log line's level, message and extra fields."""
    standard = vars(logging.makeLogRecord({})).keys() | {"message", "taskName"}
    return [
        (
            each.levelname,
            each.getMessage(),
            {name: value for name, value in vars(each).items() if name not in standard},
        )
        for each in caplog.records
    ]


def test_an_invocation_is_one_summary_line_and_one_per_record_that_is_not_simply_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")

    run_on(act, sqs_event("", "skip", "defer", "reject", "bug", "halt", ""))

    assert lines_of(caplog) == [
        ("INFO", "skipped", {"outcome": "skip", "reason": "done before"}),
        ("INFO", "deferred", {"outcome": "defer", "reason": "busy", "after_s": 30}),
        ("ERROR", "rejected", {"outcome": "dlq", "reason": "TOLD_TO"}),
        ("WARNING", "failed", {"outcome": "retry", "reason": "'told to'"}),
        ("CRITICAL", "halted", {"outcome": "retry", "reason": "no credentials"}),
        ("INFO", "not started", {"outcome": "retry", "reason": "halted: no credentials"}),
        (
            "INFO",
            "7 records",
            {
                "outcomes": {
                    "done": 1,
                    "skipped": 1,
                    "deferred": 1,
                    "rejected": 1,
                    "failed": 2,
                    "unstarted": 1,
                },
                "duration_ms": 1500,
            },
        ),
    ]


def test_records_are_counted_by_what_became_of_them_the_unstarted_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = sqs_event("", "skip", "defer", "reject", "bug", "halt", "")
    sleep(9)

    run_on(act, event)

    assert metrics_of(capsys.readouterr().out) == {
        "RecordsReceived": [7],
        "RecordsSucceeded": [1],
        "RecordsSkipped": [1],
        "RecordsDeferred": [1],
        "RecordsDeadLettered": [1],
        "RecordsRetried": [2],
        "RecordsUnstarted": [1],
        "BatchDurationMs": [1500],
        "RecordAgeMs": [10_500],
    }


def test_a_dead_letter_that_was_not_written_is_counted_and_logged_as_a_retry(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run_on(act, sqs_event("reject"), sender=RecordingSender(broken=["orders-dlq"]))

    counted = metrics_of(capsys.readouterr().out)
    assert counted["RecordsRetried"] == [1]
    assert "RecordsDeadLettered" not in counted
    assert [level for level, *_ in lines_of(caplog)] == ["WARNING"]


def test_what_a_worker_counts_leaves_with_its_own_invocation(capsys: pytest.CaptureFixture[str]) -> None:
    @worker(ORDERS, stack=SHOP)
    def count(body: str, *, metrics: Metrics) -> None:
        """Count, then fail where told to."""
        metrics.count("Seen")
        if body == "bug":
            raise ValueError

    counting = ready(count)
    run(counting, sqs_event("", "bug"), context=Context(), sender=RecordingSender())
    first = metrics_of(capsys.readouterr().out)
    run(counting, sqs_event(""), context=Context(), sender=RecordingSender())
    second = metrics_of(capsys.readouterr().out)

    assert (first["Seen"], second["Seen"]) == ([2], [1])


def test_what_was_counted_leaves_even_where_the_invocation_raises(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(call_next: Any) -> Any:
        def invoke(event: Any) -> Any:
            call_next(event)
            raise OSError("on the way out")

        return invoke

    breaking = ready(act, middleware=(Middleware("broken", around_invocation=broken),))

    with pytest.raises(OSError, match="on the way out"):
        run(breaking, sqs_event(""), context=Context(), sender=RecordingSender())

    assert metrics_of(capsys.readouterr().out)["RecordsSucceeded"] == [1]


def test_what_leaves_an_invocation_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_call_next: Any) -> Any:
        def invoke(_event: Any) -> Any:
            raise OSError("no way")

        return invoke

    breaking = ready(act, middleware=(Middleware("breaks", around_invocation=broken),))
    with pytest.raises(OSError, match="no way"):
        run(breaking, sqs_event("done"), context=Context(), sender=RecordingSender())

    (line,) = caplog.records
    assert (line.levelname, line.getMessage()) == ("ERROR", "the invocation failed")
    assert line.exc_info
    assert line.exc_info[0] is OSError


def test_an_event_of_another_source_needs_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UnrecognisedEvent):
        run_on(act, {"detail": {}})

    assert caplog.records == []


def test_a_batch_that_has_to_come_again_was_logged_by_its_records(caplog: pytest.LogCaptureFixture) -> None:
    event = sqs_event("bug")
    event["Records"][0]["messageId"] = ""

    with pytest.raises(BatchFailed):
        run_on(act, event)

    assert [level for level, *_ in lines_of(caplog)] == ["WARNING"]


class Broken(RecordingSender):
    """A sender that raises instead of saying what it could not do."""

    def send(self, queue: str, messages: Any) -> list[Exception | None]:
        raise OSError(f"{queue}: {len(messages)} lost")


def test_a_sender_that_raises_makes_the_batch_come_again_so_that_nothing_is_lost() -> None:
    with pytest.raises(OSError, match="orders-dlq: 1 lost"):
        run_on(act, sqs_event("", "reject"), sender=Broken())


def test_middleware_around_invocations_is_folded_once_the_first_outermost() -> None:
    made: list[str] = []
    order: list[str] = []

    def named(name: str) -> Middleware:
        def around(call_next: Any) -> Any:
            made.append(name)

            def invoke(event: Any) -> Any:
                order.append(name)
                return call_next(event)

            return invoke

        return Middleware(name, around_invocation=around)

    invoke = composed(ready(act, middleware=(named("a"), named("b"))), sender=RecordingSender())
    for _ in range(2):
        invoke(sqs_event(""), Context())

    assert made == ["b", "a"]
    assert order == ["a", "b"] * 2


def test_middleware_may_answer_in_the_worker_s_place() -> None:
    def answering(_call_next: Any) -> Any:
        return lambda _event: {"batchItemFailures": []}

    answered = ready(act, middleware=(Middleware("answers", around_invocation=answering),))

    reply = run(answered, sqs_event("bug"), context=Context(), sender=RecordingSender())

    assert reply == {"batchItemFailures": []}


def test_ten_thousand_failures_fit_into_a_reply() -> None:
    event = {"Records": [message("bug", at=at) for at in range(10_000)]}

    @worker(Sqs("orders", batch_size=10_000, window_s=1), stack=SHOP)
    def fail(batch: Batch[str]) -> None:
        """Fail them all."""
        for record in batch:
            batch.retry(record)

    logging.disable(logging.WARNING)
    try:
        assert len(run_on(fail, event)["batchItemFailures"]) == 10_000
    finally:
        logging.disable(logging.NOTSET)


def test_several_sources_compete_by_the_event_s_outer_shape_alone() -> None:
    seen: list[bytes] = []

    @worker(ORDERS, Sqs("returns", dead_letters="d"), stack=SHOP)
    def take(body: bytes) -> None:
        """Take either."""
        seen.append(body)

    run_on(take, sqs_event("any", queue="returns"))

    assert seen == [b"any"]
    with pytest.raises(UnrecognisedEvent, match="this event is a batch of 'aws:dynamodb'"):
        run_on(take, table_event(change(new={"PK": "1"})))


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (Reject("NO_SUCH_ORDER"), "INFO"),
        (ServiceRefused("VALIDATION_EXCEPTION", "dynamodb UpdateItem"), "ERROR"),
    ],
    ids=["the caller's mistake", "our own"],
)
def test_who_waits_is_told_and_only_our_own_mistakes_are_errors_of_the_log(
    error: Reject, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    @worker(AppSync("Query.order"), stack=Stack("shop"), timeout_s=10)
    def refuse() -> None:
        """Refuse always."""
        raise error

    with caplog.at_level("INFO"):
        run_on(refuse, field_event())

    assert [line.levelname for line in caplog.records if "refused" in line.message] == [level]
