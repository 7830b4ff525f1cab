"""The queue's poller against real queues: what is delivered, deleted, delivered again, dead-lettered."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from conformance import snapshot
from staged import NoAccidents, ScriptedFunction, eventually, failed
from worker_runtime import Sqs
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Throttled
from worker_runtime.local.stage.polling.delivering import Delivery, by_payload
from worker_runtime.local.stage.polling.polled_queue import PolledQueue
from worker_runtime.local.stage.polling.sqs_poller import SqsPoller
from worker_runtime.local.stage.polling.staged_records import PAYLOAD_BYTES, staged
from worker_runtime.local.stage.polling.visibility import VisibilityBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

    Unique = Callable[[str], str]

WORKER = "test.worker"
SPEED = 300.0
VISIBILITY_S = 62.0  # 0.2 s of the machine's time
UNAVAILABLE = ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "staged"}}, "any")
NOT_DELETED = {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}


class Faltering:
    """SQS, but a call's next answers are scripted: an error, an answer, or None for the queue's own."""

    def __init__(self, sqs: SQSClient, script: Mapping[str, Sequence[Any]]) -> None:
        self._sqs = sqs
        self._script = {call: list(answers) for call, answers in script.items()}

    def __getattr__(self, call: str) -> Callable[..., Any]:
        def answer(**arguments: Any) -> Any:
            scripted = self._script[call].pop(0) if self._script.get(call) else None
            if isinstance(scripted, Exception):
                raise scripted
            return scripted or getattr(self._sqs, call)(**arguments)

        return answer


class Polled:
    """A queue with dead letters, a poller on it, and the function behind."""

    def __init__(
        self, sqs: SQSClient, name: str, source: Sqs, function: ScriptedFunction, *, twice: bool
    ) -> None:
        self.sqs = sqs
        self.function = function
        self.tally = Tally([WORKER])
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if source.ordered else {}
        suffix = ".fifo" if source.ordered else ""
        self.dead_letters = self.queue(f"{name}-dlq{suffix}", fifo)
        redrive = {"deadLetterTargetArn": self.arn(self.dead_letters), "maxReceiveCount": source.max_receives}
        self.url = self.queue(f"{name}{suffix}", {**fifo, "RedrivePolicy": json.dumps(redrive)})
        clock = ScaledClock(SPEED, origin=time.time())
        self.clock = clock
        self.book = VisibilityBook(sqs, clock=clock)
        self.poller = SqsPoller(
            source,
            queue=PolledQueue(url=self.url, arn=self.arn(self.url), visibility_s=VISIBILITY_S),
            delivery=Delivery(WORKER, invoker=function, tally=self.tally, accidents=NoAccidents(twice=twice)),
            sqs=sqs,
            book=self.book,
            clock=clock,
        )

    def queue(self, name: str, attributes: Any) -> str:
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def arn(self, url: str) -> str:
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]

    def send(self, *bodies: str, group: str | None = None) -> None:
        entries: Any = [
            {"Id": str(at), "MessageBody": body, **({"MessageGroupId": group} if group else {})}
            for at, body in enumerate(bodies)
        ]
        self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def start(self) -> None:
        self.book.start()
        self.poller.start()

    def until_idle(self) -> None:
        eventually(lambda: not self.poller.busy())

    def dead(self) -> list[str]:
        answer = self.sqs.receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]

    def stop(self) -> None:
        self.poller.stop()
        self.book.stop()


@pytest.fixture
def polled(sqs: SQSClient, unique: Unique) -> Iterator[Callable[..., Polled]]:
    """Make a polled queue of a source's settings; it is stopped in the end."""
    made: list[Polled] = []

    def make(
        function: ScriptedFunction,
        *,
        fifo: bool = False,
        twice: bool = False,
        script: Mapping[str, Sequence[Any]] | None = None,
        **settings: Any,
    ) -> Polled:
        name = unique("polled")
        source = Sqs(f"{name}.fifo" if fifo else name, **settings)
        client: Any = Faltering(sqs, script or {})
        made.append(Polled(client, name, source, function, twice=twice))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def the_bad(records: list[Any]) -> Any:
    return failed(*(record["messageId"] for record in records if record["body"].startswith("bad")))


def test_messages_are_handed_over_and_deleted(polled: Callable[..., Polled]) -> None:
    queue = polled(ScriptedFunction())
    queue.send("a", "b", "c")

    queue.start()
    queue.until_idle()

    assert queue.function.bodies == ["a", "b", "c"]
    assert queue.tally.by_worker()[WORKER].invocations == 1


def test_a_record_is_in_the_shape_that_lambda_was_recorded_to_send(polled: Callable[..., Polled]) -> None:
    recorded = snapshot("sqs__test_message_body_and_attributes_passed_correctly")
    message = recorded["first_attempt"]["Messages"][0]
    (theirs,) = message["Body"]["event"]["Records"]
    queue = polled(ScriptedFunction())
    author: Any = {"Author": {"DataType": "String", "StringValue": "John Grisham"}}
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="{}", MessageAttributes=author)

    queue.start()
    queue.until_idle()

    (ours,) = queue.function.records
    assert set(ours) == set(theirs)
    assert set(ours["attributes"]) == set(theirs["attributes"])
    assert ours["messageAttributes"]["Author"] == theirs["messageAttributes"]["Author"]
    assert ours["eventSource"] == "aws:sqs"
    assert ours["eventSourceARN"] == queue.arn(queue.url)


def test_time_stamps_are_of_the_stages_clock(polled: Callable[..., Polled]) -> None:
    queue = polled(ScriptedFunction())
    time.sleep(0.2)
    before = queue.clock.now()
    queue.send("a")
    after = queue.clock.now()

    queue.start()
    queue.until_idle()

    sent_at = int(queue.function.records[0]["attributes"]["SentTimestamp"]) / 1000
    assert before - SPEED / 1000 <= sent_at <= after  # the emulator knows milliseconds


def test_listed_messages_come_again_and_the_others_do_not(polled: Callable[..., Polled]) -> None:
    seen_once: set[str] = set()

    def fail_first(records: list[Any]) -> Any:
        again = [each for each in records if each["body"] == "bad" and "bad" not in seen_once]
        seen_once.update(each["body"] for each in records)
        return failed(*(each["messageId"] for each in again))

    queue = polled(ScriptedFunction(fail_first))
    queue.send("good", "bad")

    queue.start()
    queue.until_idle()

    first, second = queue.function.batches
    assert [each["body"] for each in first] == ["good", "bad"]
    assert [each["body"] for each in second] == ["bad"]
    assert second[0]["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize(
    "reply", [{"batchItemFailures": [{"itemIdentifier": "stranger"}]}, RuntimeError("broken")]
)
def test_an_error_and_a_malformed_reply_delete_nothing(polled: Callable[..., Polled], reply: Any) -> None:
    answers = [reply]

    def fail_once(_: list[Any]) -> Any:
        answer = answers.pop() if answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    queue = polled(ScriptedFunction(fail_once))
    queue.send("a", "b")

    queue.start()
    queue.until_idle()

    assert [len(batch) for batch in queue.function.batches] == [2, 2]


def test_a_message_that_always_fails_ends_in_the_dead_letters(polled: Callable[..., Polled]) -> None:
    queue = polled(ScriptedFunction(the_bad), max_receives=2)
    queue.send("bad", "good")

    queue.start()
    queue.until_idle()

    assert queue.function.bodies.count("bad") == 2
    assert queue.dead() == ["bad"]


def test_messages_that_no_filter_takes_are_deleted_unseen(polled: Callable[..., Polled]) -> None:
    queue = polled(ScriptedFunction(), filters=({"body": {"kind": ["wanted"]}},))
    queue.send('{"kind":"wanted"}', '{"kind":"other"}', "no JSON")

    queue.start()
    queue.until_idle()

    assert queue.function.bodies == ['{"kind":"wanted"}']


def test_a_window_gathers_more_than_one_receive_can(polled: Callable[..., Polled]) -> None:
    queue = polled(ScriptedFunction(), batch_size=25, window_s=30)
    for start in (0, 10, 20):
        queue.send(*(str(at) for at in range(start, min(start + 10, 25))))

    queue.start()
    queue.until_idle()

    assert [len(batch) for batch in queue.function.batches] == [25]


def test_what_was_gathered_before_a_receive_failed_is_handed_over(polled: Callable[..., Polled]) -> None:
    queue = polled(
        ScriptedFunction(), batch_size=25, window_s=30, script={"receive_message": [None, UNAVAILABLE]}
    )
    queue.send("a", "b")

    queue.start()
    queue.until_idle()

    assert [len(batch) for batch in queue.function.batches] == [2]
    assert {each["attributes"]["ApproximateReceiveCount"] for each in queue.function.records} == {"1"}


@pytest.mark.parametrize("answer", [UNAVAILABLE, NOT_DELETED], ids=["the call fails", "a message fails"])
def test_a_filtered_message_that_is_not_deleted_comes_again_until_it_is(
    polled: Callable[..., Polled], answer: Any
) -> None:
    queue = polled(
        ScriptedFunction(),
        filters=({"body": {"kind": ["wanted"]}},),
        script={"delete_message_batch": [answer]},
    )
    queue.send('{"kind":"other"}')

    queue.start()
    queue.until_idle()

    assert queue.function.bodies == []
    assert queue.dead() == []


@pytest.mark.parametrize("answer", [UNAVAILABLE, NOT_DELETED], ids=["the call fails", "a message fails"])
def test_a_done_message_that_is_not_deleted_comes_again(polled: Callable[..., Polled], answer: Any) -> None:
    queue = polled(ScriptedFunction(), script={"delete_message_batch": [answer]})
    queue.send("a")

    queue.start()
    queue.until_idle()

    assert queue.function.bodies == ["a", "a"]


@pytest.mark.parametrize("answer", [UNAVAILABLE, NOT_DELETED], ids=["the call fails", "a message fails"])
def test_a_failed_message_that_is_not_made_visible_is_tried_again(
    polled: Callable[..., Polled], answer: Any
) -> None:
    failures = iter([RuntimeError("once")])

    def fail_once(_records: list[Any]) -> None:
        for failure in failures:
            raise failure

    queue = polled(ScriptedFunction(fail_once), script={"change_message_visibility_batch": [answer]})
    queue.send("a")

    queue.start()
    queue.until_idle()

    assert queue.function.bodies == ["a", "a"]


def test_several_batches_are_in_flight_at_once(polled: Callable[..., Polled]) -> None:
    together = threading.Barrier(3)
    queue = polled(ScriptedFunction(lambda _: together.wait(5) and None), batch_size=1)
    queue.send("a", "b", "c")

    queue.start()
    queue.until_idle()

    assert sorted(queue.function.bodies) == ["a", "b", "c"]
    assert not together.broken


def test_max_concurrency_bounds_the_batches_in_flight(polled: Callable[..., Polled]) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def watch(_: list[Any]) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1

    queue = polled(ScriptedFunction(watch), batch_size=1, max_concurrency=2)
    queue.send(*"abcdefgh")

    queue.start()
    queue.until_idle()

    assert len(queue.function.bodies) == 8
    assert most[0] == 2


def test_a_fifo_group_waits_for_its_failed_message_and_others_go_on(polled: Callable[..., Polled]) -> None:
    tries: list[str] = []

    def fail_first(records: list[Any]) -> Any:
        fails = not tries and any(each["body"] == "a1" for each in records)
        tries.extend(each["body"] for each in records)
        group = [each for each in records if each["attributes"]["MessageGroupId"] == "a"]
        return failed(*(each["messageId"] for each in group)) if fails else None

    queue = polled(ScriptedFunction(fail_first), fifo=True, max_receives=10, batch_size=2)
    queue.send("a1", "a2", "a3", group="a")

    queue.start()
    eventually(lambda: tries)
    queue.send("b1", group="b")
    queue.until_idle()

    assert [body for body in tries if body.startswith("a")] == ["a1", "a2", "a1", "a2", "a3"]
    assert tries.index("b1") < len(tries) - 3


def test_a_worker_that_takes_longer_than_the_visibility_does_not_meet_its_message_twice(
    polled: Callable[..., Polled],
) -> None:
    queue = polled(ScriptedFunction(lambda _: time.sleep(2 * VISIBILITY_S / SPEED)))
    queue.send("slow")

    queue.start()
    queue.until_idle()

    assert queue.function.bodies == ["slow"]


def test_a_changed_visibility_decides_when_a_message_comes_again(polled: Callable[..., Polled]) -> None:
    came_at: list[float] = []

    def hide(records: list[Any]) -> Any:
        came_at.append(queue.clock.now())
        if len(came_at) > 1:
            return None
        queue.book.change(records[0]["receiptHandle"], timeout_s=200)
        return failed(records[0]["messageId"])

    queue = polled(ScriptedFunction(hide))
    queue.send("later")

    queue.start()
    queue.until_idle()

    assert 200 <= came_at[1] - came_at[0] < 400


def test_a_throttled_batch_is_tried_until_the_function_is_free(polled: Callable[..., Polled]) -> None:
    answers: list[Any] = [Throttled(), Throttled()]
    queue = polled(ScriptedFunction(lambda _: answers.pop() if answers else None))
    queue.send("a")

    queue.start()
    queue.until_idle()

    receives = [each["attributes"]["ApproximateReceiveCount"] for each in queue.function.records]
    assert receives == ["1", "1", "1"]


def test_a_standard_queue_may_deliver_twice_and_a_fifo_queue_does_not(polled: Callable[..., Polled]) -> None:
    standard = polled(ScriptedFunction(), twice=True)
    fifo = polled(ScriptedFunction(), twice=True, fifo=True, max_receives=10)
    standard.send("a")
    fifo.send("a", group="g")

    for queue in (standard, fifo):
        queue.start()
        queue.until_idle()

    assert (standard.function.bodies, fifo.function.bodies) == (["a", "a"], ["a"])


def test_stopping_makes_hidden_messages_visible(polled: Callable[..., Polled]) -> None:
    queue = polled(ScriptedFunction(lambda records: failed(records[0]["messageId"])), visibility_s=900)
    queue.send("a")

    queue.start()
    eventually(lambda: queue.function.batches)
    queue.stop()

    answer = queue.sqs.receive_message(QueueUrl=queue.url)
    assert [message["Body"] for message in answer["Messages"]] == ["a"]


def test_a_batch_is_split_before_it_is_over_6_mb() -> None:
    third = "x" * (PAYLOAD_BYTES // 3)
    records = [staged(str(at), {"body": third}, arrived_at=0) for at in range(4)]

    batches = [[record.id for record in batch] for batch in by_payload(records)]

    assert batches == [["0", "1"], ["2", "3"]]
