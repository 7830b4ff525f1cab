"""A queue and its poller through any number of lives, and a witness of what SQS and Lambda promise."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

from listed import QUEUE_ARN, VISIBILITY_S, ListedQueue
from planned import STORY_S, Broken, Mortal, MortalFunction, Plan, PlannedFunction, QuickTurns, read_by_hand
from remembered import Remembered
from staged import WORKER
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Throttled
from worker_runtime.local.stage.lineage.happenings import Deleted, Ended, HandedOver, Received
from worker_runtime.local.stage.mischief import SeededMischief
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.polled_queue import PolledQueue
from worker_runtime.local.stage.polling.sqs_poller import SqsPoller
from worker_runtime.local.stage.polling.visibility import VisibilityBook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime import Sqs
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

LONG_S = 7_200.0


class GroupedQueue(ListedQueue):
    """Tells what waits in a group, in order."""

    def ids(self, group: str = "") -> list[str]:
        return [
            each.sent["MessageId"]
            for each in self._messages
            if group in ("", each.attributes.get("MessageGroupId"))
        ]


class QueueWitness:
    """A journal that holds each happening against what was promised."""

    def __init__(self, queue: GroupedQueue, *, ordered: bool, max_receives: int) -> None:
        self._queue = queue
        self._ordered = ordered
        self._max_receives = max_receives
        self._receives: Counter[str] = Counter()
        self._owed: dict[str, str] = {}  # by message: what its last receive still has to be spent on
        self._in_flight: dict[str, list[StagedRecord]] = {}
        self._repeats: set[str] = set()
        self._undeleted: dict[str, set[str]] = {}  # by group: what was handed over and is in the queue still
        self._ending = False
        self.done: set[str] = set()

    def note(self, happening: Happening) -> None:
        match happening:
            case Received(records=records):
                self._received(records)
            case HandedOver(request_id=request_id, repeated=True):
                self._repeats.add(request_id)
            case HandedOver(request_id=request_id, records=records):
                self._handed_over(request_id, records)
            case Ended(request_id=request_id) if request_id not in self._repeats:
                self._ended(happening)
            case Deleted(records=records):
                for record in records:
                    assert record.id in self.done, f"{record.id} was deleted and is not done"
                    self._undeleted.get(record.lane, set()).discard(record.id)

    def ending(self) -> None:
        """Hold the poller to receive nothing from here on: nobody would take it any more."""
        self._ending = True

    def new_life(self) -> None:
        """Let all that was in hand be: the poller is another."""
        self._ending = False
        self._in_flight.clear()
        self._undeleted.clear()
        self._owed = dict.fromkeys(self._owed, "nothing")

    def _received(self, records: Sequence[StagedRecord]) -> None:
        assert not self._ending, "a receive is spent at the end of a life"
        for group in {record.lane for record in records}:
            self._excuse(group)
        for record in records:
            self._receives[record.id] += 1
            told = int(record.raw["attributes"]["ApproximateReceiveCount"])
            assert told == self._receives[record.id] <= self._max_receives
            owed = self._owed.get(record.id, "nothing")
            assert owed != "an invocation", f"{record.id} came again, its last receive spent on nothing"
            self._owed[record.id] = "an invocation"

    def _excuse(self, group: str) -> None:
        """Let receives be spent on nothing where a message of the same group stayed in the queue."""
        if self._undeleted.pop(group, None):
            self._owed |= dict.fromkeys(self._queue.ids(group), "nothing")

    def _handed_over(self, request_id: str, records: Sequence[StagedRecord]) -> None:
        flying = {each.id for batch in self._in_flight.values() for each in batch}
        assert flying.isdisjoint(each.id for each in records), "a message is in two batches"
        if self._ordered:
            self._in_order(records)
        for record in records:
            assert self._owed[record.id] != "nothing", f"{record.id} is invoked twice for one receive"
        self._in_flight[request_id] = list(records)

    def _in_order(self, records: Sequence[StagedRecord]) -> None:
        flying = {each.lane for batch in self._in_flight.values() for each in batch}
        for group in {record.lane for record in records}:
            assert group not in flying, f"two batches of {group} are in flight"
            handed = [record.id for record in records if record.lane == group]
            assert self._queue.ids(group)[: len(handed)] == handed, f"{group} is out of order"

    def _ended(self, ended: Ended) -> None:
        records = self._in_flight.pop(ended.request_id, None)
        if records is None or ended.report is None:  # of another life, or killed
            return
        ids = [record.id for record in records]
        if isinstance(ended.report.answer, Throttled):
            self._owed |= dict.fromkeys(ids, "an invocation, unless it is too late")
            self._stay(records)
            return
        self._owed |= dict.fromkeys(ids, "nothing")
        self._stay(records)
        failed = read_by_hand(ended.report.answer, ids)
        self.done -= set(ids)
        self.done |= set() if failed is None else set(ids) - failed

    def _stay(self, records: Sequence[StagedRecord]) -> None:
        """Note that these are in the queue still: what is behind them in their group may not be invoked."""
        if self._ordered:
            for record in records:
                self._undeleted.setdefault(record.lane, set()).add(record.id)


class PlannedQueue:
    """A queue, its poller, its worker."""

    def __init__(
        self, source: Sqs, *, faults: set[str], seed: int, concurrent: int, payload_bytes: int
    ) -> None:
        self.turns = QuickTurns()
        self.clock = self.turns.clock
        self.queue = GroupedQueue(self.clock, max_receives=source.max_receives)
        self.aws = Broken(self.queue)
        self.function = PlannedFunction(self.clock, ids_of=_ids)
        self.witness = QueueWitness(self.queue, ordered=source.ordered, max_receives=source.max_receives)
        self.sent: list[str] = []
        self._source = source
        self._concurrent = concurrent
        self._payload_bytes = payload_bytes
        self._mischief = SeededMischief(faults, seed=seed)
        self._remembered = Remembered()
        self._numbers = count(1)
        self.begin()

    def send(self, group: str, plan: Plan, *, size: int) -> str:
        """Send a message whose body has ``size`` bytes or a few more; its id."""
        number = next(self._numbers)
        in_group = {"group": group, "dedup": str(number)} if self._source.ordered else {}
        named = self.queue.send(f"message {number:<{size}}", message_id=f"m{number}", **in_group)
        self.function.plans[named] = plan
        self.sent.append(named)
        self.turns.news()
        return named

    def begin(self) -> None:
        self._client = Mortal(self.aws)
        self._worker = MortalFunction(self.function)
        sqs: Any = self._client
        self._book = VisibilityBook(sqs, clock=self.clock, threads=self.turns, memory=self._remembered)
        self._poller = SqsPoller(
            self._source,
            queue=PolledQueue(url=self._source.queue, arn=QUEUE_ARN, visibility_s=VISIBILITY_S),
            delivery=Delivery(
                WORKER,
                invoker=self._worker,
                tally=Tally([WORKER]),
                accidents=self._mischief,
                journal=self.witness,
            ),
            sqs=sqs,
            book=self._book,
            clock=self.clock,
            concurrent_batches=self._concurrent,
            payload_bytes=self._payload_bytes,
            threads=self.turns,
        )
        self._book.start()
        self._poller.start()

    def end(self, *, cut_short: bool = False) -> None:
        """Take the poller down; what is under way ends, of itself or ``cut_short``."""
        self._worker.cut_short = cut_short
        self._poller.quit()
        self.witness.ending()
        self._poller.stop()
        self._book.stop()
        self.witness.new_life()

    def kill(self) -> None:
        """Let the poller have no effect any more from here on, as one whose stage is killed."""
        self._client.dead = self._worker.dead = True
        self._remembered = self._remembered.copy()
        self._poller.stop()
        self._book.stop()
        self.witness.new_life()

    def settle(self) -> None:
        """Let stories end by themselves, then all go well, and time pass until the queue is empty."""
        self.clock.sleep(STORY_S)
        self.aws.mend()
        self.function.healed, self.function.throttled = True, 0
        until = self.clock.now() + LONG_S
        while self.queue.ids():
            assert self.clock.now() < until, f"{self.queue.ids()} stay for ever"
            self.clock.sleep(VISIBILITY_S)

    @property
    def dead(self) -> list[str]:
        return [each["MessageId"] for each in self.queue.dead]


def _ids(event: Any) -> list[str]:
    return [record["messageId"] for record in event["Records"]]
