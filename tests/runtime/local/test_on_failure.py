"""The queue of on-failure records: what it refuses now is tried again, what it never takes is dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from listed import FUNCTION_ARN, ORIGIN, SHARD, ListedQueue, ListedStream, PolledList
from staged import WORKER, NoAccidents, ScriptedFunction
from worker_runtime import Kinesis
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.lineage.happenings import GivenUp
from worker_runtime.local.stage.polling.async_events import AsyncEvents
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.local.stage.threads.turns import Turns
from worker_runtime.sources.asynchronous import AsyncSource

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1/000000000000/letters"
BODY = {"requestContext": {"requestId": "r-1", "functionArn": FUNCTION_ARN}}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "staged"}}, "SendMessage")


FINAL = [refusal("InvalidParameterValue"), refusal("AWS.SimpleQueueService.NonExistentQueue")]
PASSING = [
    refusal("ServiceUnavailable"),
    refusal("RequestThrottled"),
    EndpointConnectionError(endpoint_url=URL),
]


class Refusing(ListedQueue):
    """Refuses the next messages with these errors."""

    def __init__(self, turns: Turns, *errors: Exception) -> None:
        super().__init__(turns.clock)
        self.errors = list(errors)

    def send_message(self, *, MessageBody: str, **given: Any) -> Any:  # noqa: N803 - as boto3 has it
        if self.errors:
            raise self.errors.pop(0)
        return super().send_message(MessageBody=MessageBody, **given)


class Journal:
    """Keeps what was given up."""

    def __init__(self) -> None:
        self.given_up: list[GivenUp] = []

    def note(self, happening: Any) -> None:
        if isinstance(happening, GivenUp):
            self.given_up.append(happening)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_is_refused_for_now_is_tried_until_it_is_taken(error: Exception) -> None:
    turns = Turns(speed=60, origin=ORIGIN)
    letters: Any = Refusing(turns, error, error)

    letter = OnFailureQueue(letters, URL).put(BODY, until=turns.flag())

    assert letter
    assert [json.loads(each) for each in letters.bodies()] == [BODY]


@pytest.mark.parametrize("error", FINAL, ids=lambda error: error.response["Error"]["Code"])
def test_what_is_never_taken_is_dropped_and_the_log_says_whose_it_was(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    turns = Turns(speed=60, origin=ORIGIN)
    letters: Any = Refusing(turns, *[error] * 1_000)
    until = turns.flag()
    ended = turns.thread(until.set, name="end of the stage")
    ended.start()

    letter = OnFailureQueue(letters, URL).put(BODY, until=until)

    assert letter == ""
    for told in (FUNCTION_ARN, "r-1", URL, "See to it that the queue is there"):
        assert told in caplog.text


def test_what_is_not_taken_before_the_end_of_the_stage_is_left_to_the_next_one() -> None:
    turns = Turns(speed=60, origin=ORIGIN)
    letters: Any = Refusing(turns, *PASSING[:1] * 1_000)
    until = turns.flag()
    until.set()

    assert OnFailureQueue(letters, URL).put(BODY, until=until) is None


def test_an_event_whose_record_is_never_taken_is_over_and_told_as_given_up_without_a_letter() -> None:
    turns = Turns(speed=60, origin=ORIGIN)
    letters: Any = Refusing(turns, *FINAL[:1] * 1_000)
    journal: Any = Journal()
    function: Any = ScriptedFunction()
    function.invoke = None  # not reached: the event is too old from the beginning
    tally = Tally([WORKER])
    events = AsyncEvents(
        AsyncSource(dead_letters="dead", max_age_s=0),
        function_arn=FUNCTION_ARN,
        delivery=Delivery(WORKER, invoker=function, tally=tally, accidents=NoAccidents(), journal=journal),
        on_failure=OnFailureQueue(letters, URL),
        clock=turns.clock,
        at_once=1,
        threads=turns,
    )
    over: list[bool] = []

    events.put({"name": "e"}, then=lambda: over.append(True))
    turns.clock.sleep(60)

    assert over == [True]
    assert [(each.condition, each.letter) for each in journal.given_up] == [("EventAgeExceeded", "")]
    assert tally.by_worker()[WORKER].dead_letters == 0


def test_a_shard_goes_on_past_records_that_cannot_be_told_of(tmp_path: Path) -> None:
    def refuse_the_first(records: list[Any]) -> None:
        if records[0]["kinesis"]["sequenceNumber"] == "1":
            raise RuntimeError

    polled = PolledList(ScriptedFunction(refuse_the_first))
    polled.given_up = Refusing(polled.turns, *FINAL[:1] * 1_000)
    source = Kinesis("listed", batch_size=1, start="TRIM_HORIZON", retries=0, dead_letters="dead")
    feed = ListedStream([_record(each) for each in (1, 2)], info="KinesisBatchInfo")

    polled.poll_stream(source, feed, folder=tmp_path)

    assert [each["kinesis"]["sequenceNumber"] for each in polled.function.records] == ["1", "2"]
    assert polled.given_up.bodies() == []


def _record(number: int) -> dict[str, Any]:
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "k",
        "sequenceNumber": str(number),
        "data": "e30=",
        "approximateArrivalTimestamp": ORIGIN,
    }
    return {"kinesis": kinesis, "eventID": f"{SHARD}:{number}"}
