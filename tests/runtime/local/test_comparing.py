"""What is the same then and now, what differs, and what nobody can compare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from worker_runtime.local.recording.comparing import compare
from worker_runtime.local.recording.lines import Answer, Event, Fate

if TYPE_CHECKING:
    from worker_runtime.local.recording.lines import Ending, Outcome

NOTHING: dict[str, Any] = {"batchItemFailures": []}


def fate(
    outcome: Outcome | None, reason: str | None = None, *, masked: bool = False, name: str = "1"
) -> Fate:
    return Fate(id=name, outcome=outcome, reason=reason, masked=masked)


def replied(*fates: Fate, reply: Any = NOTHING) -> Event:
    return event(*fates, answer=Answer(ended="reply", reply=msgspec.Raw(json.dumps(reply).encode())))


def raised(*fates: Fate, message: str) -> Event:
    return event(*fates, answer=Answer(ended="error", error_type="Error", error_message=message))


def event(*fates: Fate, answer: Answer | None) -> Event:
    masked = any(each.masked for each in fates)
    return Event(
        at=0,
        wall=0,
        worker="shop.work",
        records=fates,
        event=msgspec.Raw(b"{}"),
        answer=answer,
        masked=masked,
    )


def verdicts(then: Event, now: Event, *, done_before: bool = False) -> list[str]:
    return [each.verdict for each in compare(2, then, now, done_before=done_before)]


def test_equal_fates_and_replies_are_the_same() -> None:
    assert verdicts(replied(fate("done")), replied(fate("done"))) == ["same"]


def test_another_outcome_differs() -> None:
    (found,) = compare(2, replied(fate("done")), replied(fate("skip", "too late")))

    assert (found.verdict, found.recorded, found.now) == ("different", "done", "skip too late")


def test_another_code_of_a_rejection_differs() -> None:
    assert verdicts(replied(fate("reject", "A")), replied(fate("reject", "B"))) == ["different"]


def test_another_text_of_a_retry_decides_nothing() -> None:
    assert verdicts(replied(fate("retry", "at 10:00")), replied(fate("retry", "at 11:00"))) == ["same"]


def test_another_reply_to_records_of_the_same_fate_differs_by_itself() -> None:
    found = list(compare(2, replied(fate("done"), reply={"a": 1}), replied(fate("done"), reply={"a": 2})))

    assert [(each.record, each.verdict) for each in found] == [("1", "same"), ("(reply)", "different")]


def test_failures_that_are_listed_in_another_order_are_the_same() -> None:
    listed = [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]

    assert verdicts(
        replied(fate("retry"), reply={"batchItemFailures": listed}),
        replied(fate("retry"), reply={"batchItemFailures": listed[::-1]}),
    ) == ["same"]


def test_another_error_differs_where_nothing_else_is_known() -> None:
    assert verdicts(raised(fate(None), message="a"), raised(fate(None), message="b")) == ["different"]


def test_a_reply_instead_of_an_error_differs() -> None:
    assert verdicts(raised(fate(None), message="a"), replied(fate("done"))) == ["different"]


def test_what_differs_for_a_masked_record_is_told_apart_with_all_that_follows_from_it() -> None:
    then = replied(fate("done", masked=True), fate("done", name="2"))
    now = replied(fate("reject", "NO_PHONE"), fate("unstarted", name="2"))

    assert verdicts(then, now) == ["masked", "masked"]


def test_what_differs_beside_a_masked_record_that_is_the_same_is_different() -> None:
    then = replied(fate("done", masked=True), fate("done", name="2"))
    now = replied(fate("done"), fate("reject", "NEW", name="2"))

    assert verdicts(then, now) == ["same", "different"]


@pytest.mark.parametrize("ended", ["crashed", "timed out", "stopped"])
def test_an_invocation_that_did_not_come_to_its_end_is_compared_with_nothing(ended: Ending) -> None:
    assert verdicts(event(fate(None), answer=Answer(ended=ended)), replied(fate("done"))) == ["not recorded"]


def test_what_was_never_run_is_compared_with_nothing() -> None:
    assert verdicts(event(fate(None), answer=None), replied(fate("done"))) == ["not recorded"]


def test_where_the_work_was_done_before_a_skip_is_the_same_but_for_a_rejection() -> None:
    then = replied(fate("done"), fate("reject", "BAD", name="2"))
    now = replied(fate("skip"), fate("skip", name="2"))

    assert verdicts(then, now, done_before=True) == ["same", "different"]
