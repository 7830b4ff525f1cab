"""Asynchronous invocations as recorded from AWS: what is written of events that are given up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from known_gaps import recordings
from listed import FUNCTION_ARN, ORIGIN, ListedQueue
from snapshots import content, like
from staged import WORKER, NoAccidents
from worker_runtime import Schedule
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import FunctionError
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.polling.async_events import AsyncEvents
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.local.stage.threads.turns import Turns

RETRIES = {"_payload1": 0, "_default_retries": 2, "_test_retries": 2}
AGES_S = {"no_retry_failure_message": 60, "single_retry_failure_message": 100}


class Refusing:
    """Raises what a recorded function raised."""

    def __init__(self, payload: Any) -> None:
        self._payload = payload

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:  # noqa: ARG002 - as an executor's
        error = FunctionError(
            error_type=self._payload["errorType"],
            message=self._payload["errorMessage"],
            stack_trace=tuple(self._payload["stackTrace"]),
        )
        return Report(request_id=request_id or "", answer=error)

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return None

    def stop(self) -> None:
        pass


def given_up(theirs: Any, **settings: Any) -> Any:
    """Have the recorded event fail in the recorded way until it is given up; return what is written."""
    turns = Turns(speed=60, origin=ORIGIN)
    letters: Any = ListedQueue(turns.clock)
    refusing = Refusing(theirs["responsePayload"])
    delivery = Delivery(WORKER, invoker=refusing, tally=Tally([WORKER]), accidents=NoAccidents())
    waiting = AsyncEvents(
        Schedule("rate(1 day)", dead_letters="dead", **settings),
        function_arn=FUNCTION_ARN,
        delivery=delivery,
        on_failure=OnFailureQueue(letters, "dead"),
        clock=turns.clock,
        at_once=1,
        threads=turns,
    )
    waiting.put(theirs["requestPayload"])
    while waiting.busy():
        turns.clock.sleep(1)
    (body,) = letters.bodies()
    return json.loads(body)


@pytest.mark.parametrize("name", recordings(*RETRIES))
def test_what_fails_too_often_is_given_up_in_the_recorded_words(name: str) -> None:
    ((message,),) = [each["Messages"] for each in content(name).values() if "Messages" in each]
    retries = next(retries for part, retries in RETRIES.items() if name.endswith(part))

    ours = given_up(message["Body"], retries=retries, max_age_s=21_600)

    assert like(ours, message["Body"])
    assert ours["responsePayload"]["requestId"] == ours["requestContext"]["requestId"]


@pytest.mark.parametrize("name", recordings("_test_maxeventage"))
def test_what_grows_too_old_before_it_is_tried_again_is_given_up_in_the_recorded_words(name: str) -> None:
    for tried, message in content(name).items():
        ours = given_up(message["Body"], retries=2, max_age_s=AGES_S[tried])

        assert like(ours, message["Body"])
