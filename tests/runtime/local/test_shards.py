"""One shard read to its end, whatever AWS answers; the streams here are lists that misbehave on demand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from staged import eventually
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.polling.feeds import HORIZON, LATEST, Page, Position, ShardInfo
from worker_runtime.local.stage.polling.on_failure import Shard
from worker_runtime.local.stage.polling.polled_shard import PolledShard, ShardEnds
from worker_runtime.local.stage.polling.shards import ShardReader, newest, read_range
from worker_runtime.local.stage.polling.staged_records import StagedRecord, staged
from worker_runtime.local.stage.polling.stream_progress import StreamProgress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.polling.feeds import Shape

SHARD = "shard"


class ListedRecords:
    """A feed of one shard, whose records are numbers and whose iterators are positions in their list."""

    identity = "list"

    def __init__(self, *numbers: int, a_page: int = 2, closed: bool = False) -> None:
        self.numbers = list(numbers)
        self.closed = closed
        self.gaps: set[int] = set()
        self.answers: list[str] = []
        self._a_page = a_page

    def refuse(self, *codes: str) -> None:
        """Answer the next calls with these error codes."""
        self.answers += codes

    def shards(self) -> list[ShardInfo]:
        return [ShardInfo(SHARD, (), not self.closed)]

    def iterator(self, shard_id: str, position: Position) -> str:  # noqa: ARG002 - there is one
        self._answer()
        kind, sequence = position.kind, int(position.sequence or 0)
        after = sequence if kind == "AFTER_SEQUENCE_NUMBER" else sequence - 1
        begin = len(self.numbers) if kind == "LATEST" else sum(each <= after for each in self.numbers)
        return str(begin)

    def read(self, iterator: str, *, limit: int | None = None) -> Page:
        self._answer()
        begin = int(iterator)
        if begin in self.gaps:
            self.gaps.discard(begin)
            return Page((), iterator, more=True)
        found = self.numbers[begin : begin + (limit or self._a_page)]
        end = begin + len(found)
        ended = self.closed and end == len(self.numbers)
        return Page([{"n": each} for each in found], None if ended else str(end))

    def sequence(self, record: Mapping[str, Any]) -> str:
        return str(record["n"])

    def shape(self, shard_id: str) -> Shape:  # noqa: ARG002 - there is one
        def shaped(record: Mapping[str, Any]) -> StagedRecord:
            return staged(str(record["n"]), record, arrived_at=0)

        return shaped

    def shard(self, shard_id: str) -> Shard:
        return Shard(info="KinesisBatchInfo", stream_arn=self.identity, shard_id=shard_id)

    def located(self, named: str) -> str:
        return named

    def _answer(self) -> None:
        if self.answers:
            raise ClientError({"Error": {"Code": self.answers.pop(0), "Message": ""}}, "GetRecords")


def reader(feed: ListedRecords, position: Position = HORIZON) -> ShardReader:
    return ShardReader(feed, shard_id=SHARD, position=position)


def read_on(shard: ShardReader, *, times: int = 10) -> list[int]:
    return [record["n"] for _ in range(times) for record in shard.read()]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (HORIZON, [1, 2, 3, 4, 5]),
        (LATEST, []),
        (Position("AT_SEQUENCE_NUMBER", "3"), [3, 4, 5]),
        (Position("AFTER_SEQUENCE_NUMBER", "3"), [4, 5]),
    ],
)
def test_a_shard_is_read_from_its_position_on(position: Position, expected: list[int]) -> None:
    assert read_on(reader(ListedRecords(1, 2, 3, 4, 5), position)) == expected


def test_an_open_shard_is_never_at_its_end() -> None:
    feed = ListedRecords(1)
    shard = reader(feed)

    first = read_on(shard)
    feed.numbers.append(2)

    assert (first, read_on(shard), shard.closed) == ([1], [2], False)


def test_a_closed_shard_is_at_its_end_when_all_of_it_was_read() -> None:
    shard = reader(ListedRecords(1, 2, 3, closed=True))

    assert read_on(shard, times=1) == [1, 2]
    assert not shard.closed
    assert read_on(shard) == [3]
    assert shard.closed
    assert not shard.has_unread()


def test_an_empty_page_is_not_the_end() -> None:
    feed = ListedRecords(1, 2, 3)
    feed.gaps = {2}

    assert read_on(reader(feed)) == [1, 2, 3]


def test_what_waits_behind_an_empty_page_is_unread() -> None:
    feed = ListedRecords(1)
    feed.gaps = {0}

    assert reader(feed).has_unread()


def test_an_iterator_that_has_expired_is_renewed_behind_the_last_record() -> None:
    feed = ListedRecords(1, 2, 3, 4)
    shard = reader(feed)
    shard.read()

    feed.refuse("ExpiredIteratorException")

    assert read_on(shard) == [3, 4]


@pytest.mark.parametrize("closed", [False, True])
def test_the_newest_of_a_shard_is_found_behind_pages_and_gaps(closed: bool) -> None:
    feed = ListedRecords(1, 2, 3, closed=closed)
    feed.gaps = {2}

    assert newest(feed, shard_id=SHARD) == Position("AFTER_SEQUENCE_NUMBER", "3")


def test_whoever_begins_at_the_newest_of_an_empty_shard_reads_what_comes_then() -> None:
    feed = ListedRecords()
    position = newest(feed, shard_id=SHARD)

    feed.numbers += [1, 2]

    assert read_on(reader(feed, position)) == [1, 2]


def test_whoever_comes_back_after_the_stream_forgot_his_place_begins_at_the_oldest() -> None:
    feed = ListedRecords(5, 6)
    feed.refuse("TrimmedDataAccessException")

    assert read_on(reader(feed, Position("AFTER_SEQUENCE_NUMBER", "2"))) == [5, 6]


@pytest.mark.parametrize("after", [0, 1], ids=["before it was read", "while it was read"])
def test_a_shard_that_has_vanished_is_at_its_end(after: int) -> None:
    feed = ListedRecords(1)
    if not after:
        feed.refuse("ResourceNotFoundException")
    shard = reader(feed)
    if after:
        feed.refuse("ResourceNotFoundException")

    assert read_on(shard) == []
    assert shard.closed


@pytest.mark.parametrize("code", ["ExpiredIteratorException", "ResourceNotFoundException"])
def test_who_asks_for_what_is_unread_leaves_it_to_the_reader_to_find_out(code: str) -> None:
    feed = ListedRecords(1)
    shard = reader(feed)

    feed.refuse(code)

    assert shard.has_unread()
    assert read_on(shard) == [1]


def test_any_other_error_is_the_caller_s() -> None:
    feed = ListedRecords(1)
    shard = reader(feed)

    feed.refuse("ProvisionedThroughputExceededException")

    with pytest.raises(ClientError):
        shard.read()
    assert read_on(shard) == [1]


def test_a_shard_that_cannot_be_looked_into_is_busy_until_its_end_is_dealt_with() -> None:
    feed, continued = ListedRecords(closed=True), threading.Event()
    ends = ShardEnds(
        worker_id="reads",
        note=lambda _: None,
        shape=feed.shape(SHARD),
        filters=compile_filters((), data_key="data"),
        moved=lambda: None,
        closed=continued.set,
        ahead=1,
    )
    progress, quit_ = StreamProgress(keep=lambda _: None), threading.Event()
    shard = PolledShard(reader(feed), lanes=(), progress=progress, ends=ends, quit=quit_)

    feed.refuse("ProvisionedThroughputExceededException")
    unknown, known = shard.busy(), shard.busy()
    shard.start()
    eventually(lambda: not shard.busy())

    assert (unknown, known, continued.is_set()) == (True, True, True)
    quit_.set()
    shard.join()


def test_a_range_is_read_across_pages_and_gaps_and_no_further() -> None:
    feed = ListedRecords(1, 2, 3, 4, 5, 6)
    feed.gaps = {1, 3}

    found = read_range(feed, shard_id=SHARD, first="2", last="5")

    assert [record.id for record in found] == ["2", "3", "4", "5"]


def test_a_range_of_a_closed_shard_ends_with_it() -> None:
    feed = ListedRecords(1, 2, 3, closed=True)

    assert [record.id for record in read_range(feed, shard_id=SHARD, first="2", last="9")] == ["2", "3"]
