"""Accidents in a lineage: each with the very try that it befell."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from diary import WORKER, Diary, message
from traced import tries, way
from worker_runtime.local.stage.execution.answers import Reply, Throttled, crashed, timed_out
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.lineage.happenings import Ended, HandedOver, Struck
from worker_runtime.local.stage.lineage.told import Step, Try
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


def test_an_accident_is_told_with_the_try_that_it_befell_and_no_other(diary: Diary) -> None:
    def crash(request_id: str) -> Any:
        return Struck("crash", worker=WORKER, request_id=request_id)

    answer = crashed("request-1", exit_code=-9, started=True)
    struck, beside = message("m-1"), message("m-2")
    diary.note(HandedOver(WORKER, "beside", [beside]))
    diary.invoke(struck, does=[crash], answer=answer, reading=BatchFailed("crashed", raised=True))
    diary.invoke(struck)
    diary.note(Ended(WORKER, "beside", Report(request_id="beside", answer=Reply(b"{}")), AllDone()))

    assert [tried.accidents for tried in tries(way(diary, "m-1"))] == [("crash",), ()]
    assert [tried.accidents for tried in tries(way(diary, "m-2"))] == [()]


def test_of_the_tries_under_one_request_an_accident_befell_one(diary: Diary) -> None:
    def lost(request_id: str) -> Any:
        return Struck("lost reply", worker=WORKER, request_id=request_id)

    answer = timed_out("event-1", timeout_s=30)
    diary.invoke(message("m-1"), does=[lost], answer=answer, request_id="event-1")
    diary.invoke(message("m-1"), request_id="event-1")

    assert [tried.accidents for tried in tries(way(diary, "m-1"))] == [("lost reply",), ()]


def test_a_throttle_is_a_step_and_of_no_try(diary: Diary) -> None:
    def throttle(request_id: str) -> Any:
        return Struck("throttle", worker=WORKER, request_id=request_id)

    diary.invoke(message("m-1"), does=[throttle], answer=Throttled())
    diary.invoke(message("m-1"))

    throttled, done = way(diary, "m-1").events

    assert isinstance(throttled, Step)
    assert throttled.kind == "throttled"
    assert isinstance(done, Try)
    assert done.accidents == ()
    assert diary.rows("SELECT kind, request, invocation FROM accidents") == [("throttle", "request-1", None)]


def test_what_failed_meanwhile_is_told_apart_from_what_befell_the_try(diary: Diary) -> None:
    def outage(_: str) -> Any:
        return Struck("outage", place="Redis")

    diary.invoke(message("m-1"), does=[outage])

    (tried,) = tries(way(diary, "m-1"))
    assert (tried.accidents, tried.meanwhile) == ((), ("outage of Redis",))


def test_what_fails_right_after_a_try_was_not_meanwhile(diary: Diary) -> None:
    diary.invoke(message("m-1"))
    diary.clock.sleep(1)
    diary.note(Struck("outage", place="Redis"))
    diary.invoke(message("m-1"))

    assert [tried.meanwhile for tried in tries(way(diary, "m-1"))] == [(), ()]
