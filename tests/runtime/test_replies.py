"""What may leave, whatever middleware makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wording import says
from worker_runtime import Change, Middleware, Schedule, Sqs, Stack, TableStream, worker
from worker_runtime.errors import ReplyRefused
from worker_runtime.replies import REPLY_BYTES, check_size
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, change, ready, sqs_event, table_event

SHOP = Stack("shop")


@worker(Sqs("orders", dead_letters="orders-dlq"), stack=SHOP)
def fail(order: str) -> None:
    """Fail where told to."""
    if order == "fail":
        raise RuntimeError("told to")


@worker(TableStream("orders", dead_letters="orders-dlq"), stack=SHOP)
def fail_change(changed: Change[dict[str, Any]]) -> None:
    """Fail always."""
    raise RuntimeError(f"told to: {changed.id}")


@worker(Schedule("rate(1 minute)"), stack=SHOP)
def fail_tick() -> None:
    """Fail always."""
    raise RuntimeError("told to")


@worker(Schedule("rate(1 minute)"), stack=SHOP)
def say_done() -> dict[str, int]:
    """Say how much is done."""
    return {"done": 3}


def returning(reply: Any) -> Middleware:
    def around(call_next: Any) -> Any:
        def invoke(event: Any) -> Any:
            call_next(event)
            return reply

        return invoke

    return Middleware("forger", around_invocation=around)


def run_through(reply: Any) -> Any:
    forged = ready(fail, middleware=(returning(reply),))
    return run(forged, sqs_event("fail", "done"), context=Context(), sender=RecordingSender())


@pytest.mark.parametrize(
    "reply",
    [
        *(None, {}, [], "", 0, False),
        {"batchItemFailure": [{"itemIdentifier": "1"}]},
        {"batchItemFailures": None},
        {"batchItemFailures": [{"itemId": "1"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [], "batchItemFailure": []},
    ],
    ids=str,
)
def test_what_aws_would_read_as_success_or_as_something_else_does_not_leave(reply: Any) -> None:
    with pytest.raises(
        ReplyRefused, match=says("the reply is a ~; middleware must return what call_next returned.")
    ):
        run_through(reply)


def test_middleware_cannot_leave_a_failed_record_out() -> None:
    with pytest.raises(ReplyRefused, match=says("middleware left 1 failed records out of the reply~")):
        run_through({"batchItemFailures": []})


def test_middleware_cannot_list_a_record_that_was_not_in_the_event() -> None:
    ours = sqs_event("fail")["Records"][0]["messageId"]

    with pytest.raises(ReplyRefused, match=says("middleware lists 1 records that are not of this batch.")):
        run_through({"batchItemFailures": [{"itemIdentifier": ours}, {"itemIdentifier": "stranger"}]})


def test_middleware_may_list_more_of_the_batch() -> None:
    both = [{"itemIdentifier": each["messageId"]} for each in sqs_event("fail", "done")["Records"]]

    assert run_through({"batchItemFailures": both}) == {"batchItemFailures": both}


def swallowing(reply: Any) -> Middleware:
    def around(call_next: Any) -> Any:
        def invoke(event: Any) -> Any:
            try:
                return call_next(event)
            except Exception:
                return reply

        return invoke

    return Middleware("swallows", around_invocation=around)


def test_middleware_cannot_swallow_the_failure_of_a_batch() -> None:
    swallowed = ready(fail_change, middleware=(swallowing({"batchItemFailures": []}),))
    event = table_event(*(change(new={"PK": "1", "SK": "1"}, at=at) for at in range(2)))

    with pytest.raises(ReplyRefused, match=says("middleware returned a reply where the batch had failed~")):
        run(swallowed, event, context=Context(), sender=RecordingSender())


def test_middleware_cannot_swallow_a_failure_by_returning_nothing() -> None:
    with pytest.raises(ReplyRefused, match=says("middleware returned a reply where the batch had failed~")):
        run(ready(fail_tick, middleware=(swallowing(None),)), {}, context=Context(), sender=RecordingSender())


@pytest.mark.parametrize("reply", [None, {"batchItemFailures": []}, {"done": 4}])
def test_middleware_cannot_say_something_else_than_a_scheduled_worker(reply: Any) -> None:
    forged = ready(say_done, middleware=(returning(reply),))

    with pytest.raises(ReplyRefused, match="middleware must return what call_next returned"):
        run(forged, {}, context=Context(), sender=RecordingSender())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("\ud800", "the reply is no JSON: ~"),
        ("x" * REPLY_BYTES, f"the reply has ~ bytes, Lambda takes {REPLY_BYTES}; return less."),
    ],
    ids=["surrogate", "large"],
)
def test_a_reply_that_lambda_could_not_carry_is_refused_by_name(name: str, expected: str) -> None:
    with pytest.raises(ReplyRefused, match=says(expected)):
        check_size({"batchItemFailures": [{"itemIdentifier": name}]})


def test_a_large_reply_is_measured_as_lambdas_client_posts_it() -> None:
    numbers = [1] * (REPLY_BYTES // 3)  # "1, " each, where msgspec writes "1,"

    check_size(numbers[:-1])
    with pytest.raises(ReplyRefused, match=f"Lambda takes {REPLY_BYTES}"):
        check_size([*numbers, 1])


def test_what_middleware_answers_without_asking_has_the_sources_shape() -> None:
    def answers(reply: Any) -> Any:
        return ready(fail, middleware=(Middleware("answers", around_invocation=lambda _: lambda _: reply),))

    good = run(
        answers({"batchItemFailures": []}), sqs_event("fail"), context=Context(), sender=RecordingSender()
    )

    assert good == {"batchItemFailures": []}
    with pytest.raises(ReplyRefused, match="another shape than batchItemFailures"):
        run(answers({"done": 1}), sqs_event("fail"), context=Context(), sender=RecordingSender())


def run_short(worker: Any, event: Any) -> Any:
    return run(worker, event, context=Context(), sender=RecordingSender())


def changing(change: Any) -> Middleware:
    """Change the reply in place, as it is handed out."""

    def around(call_next: Any) -> Any:
        def invoke(event: Any) -> Any:
            reply = call_next(event)
            change(reply)
            return reply

        return invoke

    return Middleware("changes", around_invocation=around)


@pytest.mark.parametrize(
    "change",
    [
        lambda reply: reply["batchItemFailures"].clear(),
        lambda reply: reply["batchItemFailures"][0].update(itemIdentifier="stranger"),
        lambda reply: reply.update(batchItemFailure=[]),
    ],
    ids=["emptied", "another id", "another list"],
)
def test_a_reply_that_middleware_changes_in_place_is_held_to_what_was_worded(change: Any) -> None:
    changed = ready(fail, middleware=(changing(change),))

    with pytest.raises(ReplyRefused):
        run_short(changed, sqs_event("fail", "done"))


def test_what_middleware_answers_without_asking_lists_records_of_the_event_alone() -> None:
    stranger = {"batchItemFailures": [{"itemIdentifier": "stranger"}]}
    answers = Middleware("answers", around_invocation=lambda _: lambda _: stranger)

    with pytest.raises(ReplyRefused, match=says("middleware lists 1 records that are not of this batch.")):
        run(
            ready(fail, middleware=(answers,)), sqs_event("fail"), context=Context(), sender=RecordingSender()
        )


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), datetime(2026, 1, 1, tzinfo=UTC)], ids=str)
def test_what_lambdas_client_could_not_post_as_json_is_refused(odd: Any) -> None:
    put = Middleware("puts", around_invocation=lambda _: lambda _: {"at": odd})

    with pytest.raises(ReplyRefused, match="the reply is no JSON"):
        run(ready(say_done, middleware=(put,)), {}, context=Context(), sender=RecordingSender())


def test_a_worker_that_returns_no_number_of_json_is_told_so() -> None:
    @worker(Schedule("rate(1 minute)"), stack=SHOP)
    def divide() -> dict[str, float]:
        """Divide by nothing."""
        return {"share": float("nan")}

    with pytest.raises(ReplyRefused, match=says("the worker returned a dict that is no JSON: ~")):
        run(ready(divide), {}, context=Context(), sender=RecordingSender())
