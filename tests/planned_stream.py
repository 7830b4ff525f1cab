"""A stream and its poller through any number of lives, and a witness of what Lambda promises of a stream."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32

from listed import FUNCTION_ARN, STREAM_ARN, ListedQueue
from planned import (
    STORY_S,
    Broken,
    Mortal,
    MortalFunction,
    Plan,
    PlannedFunction,
    QuickTurns,
    read_by_hand,
    refusal,
)
from staged import WORKER
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Throttled
from worker_runtime.local.stage.lineage.happenings import Ended, GivenUp, HandedOver
from worker_runtime.local.stage.mischief import SeededMischief
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.feeds import Page, Position, ShardInfo
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue, Shard
from worker_runtime.local.stage.polling.staged_records import StagedRecord, staged
from worker_runtime.local.stage.polling.stream_poller import StreamPoller

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime import Kinesis
    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.polling.feeds import Shape

LONG_S = 43_200.0


@dataclass
class Log:
    """One shard: its records, and the shard that it continues."""

    parent: str | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False


class PlannedFeed:
    """A stream in memory whose shards can be split; an iterator is a shard and a position in it."""

    identity = STREAM_ARN

    def __init__(self, clock: Clock, *, page: int) -> None:
        self._clock = clock
        self._page = page
        self._numbers = count(1)
        self.logs: dict[str, Log] = {"s0": Log()}
        self.expire = 0  # iterators that will turn out to be too old

    def put(self, key: str) -> dict[str, Any]:
        """Add a record to the shard that has this key now."""
        fits = [log for log in self.logs.values() if not log.closed]
        log = fits[crc32(key.encode()) % len(fits)]
        record = {"sequence": f"{next(self._numbers):021}", "key": key, "at": self._clock.now()}
        log.records.append(record)
        return record

    def split(self) -> None:
        """Close a lone shard and go on in two; each key goes on in one of them."""
        if len(self.logs) > 1:
            return
        self.logs["s0"].closed = True
        self.logs |= {"s1": Log("s0"), "s2": Log("s0")}

    def shards(self) -> list[ShardInfo]:
        return [
            ShardInfo(each, () if log.parent is None else (log.parent,), not log.closed)
            for each, log in self.logs.items()
        ]

    def iterator(self, shard_id: str, position: Position) -> str:
        sequences = [each["sequence"] for each in self.logs[shard_id].records]
        at = {"TRIM_HORIZON": 0, "LATEST": len(sequences)}.get(position.kind)
        if at is None and position.sequence is not None:
            at = sequences.index(position.sequence) + (position.kind == "AFTER_SEQUENCE_NUMBER")
        return f"{shard_id} {at}"

    def read(self, iterator: str, *, limit: int | None = None) -> Page:
        if self.expire and limit is None:
            self.expire -= 1
            raise refusal("ExpiredIteratorException")
        shard_id, begin = iterator.split()
        log = self.logs[shard_id]
        end = min(int(begin) + min(limit or self._page, self._page), len(log.records))
        over = log.closed and end == len(log.records)
        return Page(log.records[int(begin) : end], None if over else f"{shard_id} {end}")

    def sequence(self, record: Mapping[str, Any]) -> str:
        return str(record["sequence"])

    def shape(self, shard_id: str) -> Shape:  # noqa: ARG002 - a sequence number is unique in the stream
        def shaped(record: Mapping[str, Any]) -> StagedRecord:
            raw = {"kinesis": {"sequenceNumber": record["sequence"]}}
            return staged(record["sequence"], raw, arrived_at=record["at"], lane=record["key"])

        return shaped

    def shard(self, shard_id: str) -> Shard:
        return Shard(info="KinesisBatchInfo", stream_arn=STREAM_ARN, shard_id=shard_id)

    def located(self, named: str) -> str:
        return named


class StreamWitness:
    """A journal and the checkpoints, each happening held against what was promised."""

    def __init__(self, feed: PlannedFeed, source: Kinesis, clock: Clock) -> None:
        self._feed = feed
        self._source = source
        self._clock = clock
        self._positions: dict[str, Position] = {}
        self._in_flight: dict[str, Sequence[StagedRecord]] = {}
        self._repeats: set[str] = set()
        self._spent: Counter[str] = Counter()
        self.put: dict[str, list[str]] = {}  # sequences by key
        self.finished: set[str] = set()
        self.ending = False  # what is cut short proves nothing

    def note(self, happening: Happening) -> None:
        match happening:
            case HandedOver(request_id=request_id, repeated=True):
                self._repeats.add(request_id)
            case HandedOver(request_id=request_id, records=records):
                self._handed_over(request_id, records)
            case Ended(request_id=request_id) if request_id not in self._repeats:
                self._ended(happening)
            case GivenUp(records=records) if not isinstance(records, str):
                self._given_up(records, happening)

    def new_life(self) -> None:
        self._in_flight.clear()
        self._spent.clear()
        self.ending = False

    def get(self, worker_id: str, shard: str) -> Position | None:
        return self._positions.get(f"{worker_id} {shard}")

    def keep(self, worker_id: str, shard: str, position: Position) -> None:
        """Hold that all before a checkpoint is finished."""
        for record in self._feed.logs[shard.rsplit(maxsplit=1)[-1]].records:
            passed = position.kind == "AFTER_SEQUENCE_NUMBER" and record["sequence"] == position.sequence
            if position.sequence is not None and (record["sequence"] < position.sequence or passed):
                assert record["sequence"] in self.finished, f"{record} is not done before {position}"
        self._positions[f"{worker_id} {shard}"] = position

    def _handed_over(self, request_id: str, records: Sequence[StagedRecord]) -> None:
        flying = {each.lane for batch in self._in_flight.values() for each in batch}
        for key in {record.lane for record in records}:
            assert key not in flying, f"two batches of {key} are in flight"
            handed = [record.id for record in records if record.lane == key]
            begins = self.put[key].index(handed[0])
            assert self.put[key][begins : begins + len(handed)] == handed, f"{key} is out of order"
            assert self.finished.issuperset(self.put[key][:begins]), f"{key} goes on past what failed"
        shards = len(self._feed.logs)
        assert len(self._in_flight) < self._source.parallelization * shards
        if self._source.max_age_s >= 0:
            assert records[0].arrived_at >= self._clock.now() - self._source.max_age_s, "too old"
        if self._source.retries >= 0:
            assert all(self._spent[each.id] <= self._source.retries for each in records), "tried too often"
        self._in_flight[request_id] = records

    def _ended(self, ended: Ended) -> None:
        records = self._in_flight.pop(ended.request_id, ())
        if not records or ended.report is None or isinstance(ended.report.answer, Throttled):
            return
        ids = [record.id for record in records]
        failed = read_by_hand(ended.report.answer, ids)
        if failed is None:
            if self.ending:
                return
            if len(ids) == 1 or not self._source.bisect:
                self._spent.update(ids)
            return
        lowest = min(failed, default="~")
        self.finished |= {each for each in ids if each < lowest}
        if lowest == ids[0]:
            self._spent.update(ids)

    def _given_up(self, records: Sequence[StagedRecord], why: GivenUp) -> None:
        if why.condition == "RetryAttemptsExhausted":
            tries = {self._spent[record.id] for record in records}
            assert tries == {self._source.retries + 1}, f"given up after {tries} tries"
        else:
            oldest = self._clock.now() - self._source.max_age_s
            assert all(record.arrived_at < oldest for record in records), "given up too young"
        assert why.letter, "given up, and no dead letter tells"
        self.finished |= {record.id for record in records}


class PlannedStream:
    """A stream, its poller, its worker."""

    def __init__(self, source: Kinesis, *, faults: set[str], seed: int, page: int) -> None:
        self.turns = QuickTurns()
        self.clock = self.turns.clock
        self.feed = PlannedFeed(self.clock, page=page)
        self.aws = Broken(self.feed)
        self.letters = Broken(ListedQueue(self.clock))
        self.function = PlannedFunction(self.clock, ids_of=_ids)
        self.witness = StreamWitness(self.feed, source, self.clock)
        self._source = source
        self._mischief = SeededMischief(faults, seed=seed)
        self.begin()

    def put(self, key: str, plan: Plan) -> None:
        sequence = self.feed.put(key)["sequence"]
        self.function.plans[sequence] = plan
        self.witness.put.setdefault(key, []).append(sequence)
        self.turns.news()

    def begin(self) -> None:
        self._feed = Mortal(self.aws, of_itself=("identity", "shape", "shard", "sequence"))
        self._letters = Mortal(self.letters)
        self._checkpoints = Kept(self.witness)
        self._worker = MortalFunction(self.function)
        feed, letters, checkpoints = self._of_this_life()
        self._poller = StreamPoller(
            self._source,
            feed=feed,
            function_arn=FUNCTION_ARN,
            delivery=Delivery(
                WORKER,
                invoker=self._worker,
                tally=Tally([WORKER]),
                accidents=self._mischief,
                journal=self._checkpoints,
            ),
            on_failure=OnFailureQueue(letters, "letters"),
            checkpoints=checkpoints,
            clock=self.clock,
            threads=self.turns,
        )
        self._poller.start()

    def end(self, *, cut_short: bool = False) -> None:
        """Take the poller down; what is under way ends, of itself or ``cut_short``."""
        self._worker.cut_short = self.witness.ending = cut_short
        self._poller.stop()
        self.witness.new_life()

    def kill(self) -> None:
        """Let the poller have no effect any more from here on, as one whose stage is killed."""
        for each in (self._feed, self._letters, self._checkpoints, self._worker):
            each.dead = True
        self.end()

    def settle(self) -> None:
        """Let stories end by themselves, then all go well, and time pass until nothing is left."""
        self.clock.sleep(STORY_S)
        self.aws.mend()
        self.letters.mend()
        self.feed.expire = 0
        self.function.healed, self.function.throttled = True, 0
        until = self.clock.now() + LONG_S
        while self.lost:
            assert self.clock.now() < until, f"{self.lost} stay for ever"
            self.clock.sleep(60)

    @property
    def lost(self) -> set[str]:
        """What is neither done nor a dead letter."""
        return {each for listed in self.witness.put.values() for each in listed} - self.witness.finished

    def _of_this_life(self) -> tuple[Any, Any, Any]:
        return self._feed, self._letters, self._checkpoints


class Kept:
    """The checkpoints and the journal of one life."""

    def __init__(self, witness: StreamWitness) -> None:
        self._witness = witness
        self.dead = False

    def get(self, worker_id: str, shard: str) -> Position | None:
        return self._witness.get(worker_id, shard)

    def put(self, worker_id: str, shard: str, position: Position) -> None:
        if not self.dead:
            self._witness.keep(worker_id, shard, position)

    def note(self, happening: Happening) -> None:
        if not self.dead:
            self._witness.note(happening)


def _ids(event: Any) -> list[str]:
    return [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
