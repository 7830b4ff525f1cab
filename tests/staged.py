"""What tests of the stage's pollers share: a function that does what a test says, and waiting."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Answer, Failure, FunctionError, Reply
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.polling.checkpoints import Checkpoints
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.mishap import NoMischief
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.local.stage.polling.stream_poller import StreamPoller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.stage.polling.feeds import Feed
    from worker_runtime.local.stage.stage import Stage
    from worker_runtime.sources.streams import StreamSource

    Handle = Callable[[list[Any]], Any]

WAIT_S = 10.0
WORKER = "test.worker"
SPEED = 100.0


class ScriptedFunction:
    """Stands where an executor would: hands the records to ``handle`` and remembers them.

    What ``handle`` returns is the reply, or the answer itself; what it raises is a function error.
    """

    def __init__(self, handle: Handle = lambda _: None) -> None:
        self.handle = handle
        self.batches: list[list[Any]] = []
        self._lock = threading.Lock()

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        records = json.loads(event)["Records"]
        with self._lock:
            self.batches.append(records)
        return Report(request_id=request_id or "", answer=self._answer(records))

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return None

    def stop(self) -> None:
        pass

    @property
    def records(self) -> list[Any]:
        with self._lock:
            return [record for batch in self.batches for record in batch]

    @property
    def bodies(self) -> list[str]:
        return [record["body"] for record in self.records]

    def _answer(self, records: list[Any]) -> Answer:
        try:
            answer = self.handle(records)
        except Exception as error:
            return FunctionError(error_type=type(error).__name__, message=str(error))
        return answer if isinstance(answer, Reply | Failure) else Reply(json.dumps(answer).encode())


class NoAccidents(NoMischief):
    """Repeats every batch, or none."""

    def __init__(self, *, twice: bool = False) -> None:
        self.twice = twice

    def repeats(self, worker_id: str) -> bool:  # noqa: ARG002 - as the stage's
        return self.twice


class StreamStand:
    """Pollers of one stream for one worker, their checkpoints in one file, and its dead letters."""

    def __init__(self, sqs: SQSClient, *, name: str, folder: Path) -> None:
        self.sqs = sqs
        self.dead_letters = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        self.clock = ScaledClock(SPEED, origin=time.time())
        self.tally = Tally([WORKER])
        self.pollers: list[StreamPoller] = []
        self._file = folder / "checkpoints.json"

    def hand_to(
        self, function: ScriptedFunction, *, source: StreamSource, feed: Feed, twice: bool = False
    ) -> StreamPoller:
        poller = StreamPoller(
            source,
            feed=feed,
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:local-worker",
            delivery=Delivery(WORKER, invoker=function, tally=self.tally, accidents=NoAccidents(twice=twice)),
            on_failure=OnFailureQueue(self.sqs, self.dead_letters),
            checkpoints=Checkpoints(self._file),
            clock=self.clock,
        ).start()
        self.pollers.append(poller)
        return poller

    def given_up(self) -> list[Any]:
        answer = self.sqs.receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def stop(self) -> None:
        for poller in self.pollers:
            poller.stop()


def until_idle(poller: StreamPoller) -> None:
    """Wait until a poller has nothing left to do."""
    eventually(lambda: not poller.busy())


def failed(*ids: str) -> dict[str, Any]:
    """Word a partial reply."""
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}


def eventually(come_true: Callable[[], Any], *, on: Stage | None = None, within_s: float = WAIT_S) -> Any:
    """Wait until something is true and return it; fail after ``within_s``.

    ``on`` is the stage that has to make it true, and runs in this process only while it is waited for.
    """
    deadline = time.monotonic() + within_s
    while not (value := come_true()):
        assert time.monotonic() < deadline, "it did not come true in time"
        if on is None:
            time.sleep(0.01)
        else:
            on.look_again(within_s=0.01)
    return value
