"""Reads one shard of a stream from a position on, whatever happens to its iterators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker_runtime.local.stage.polling.feeds import HORIZON, Position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker_runtime.local.stage.polling.feeds import Feed
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

_TRIMMED = "TrimmedDataAccessException"
_LAPSED = {"ExpiredIteratorException", _TRIMMED}
_VANISHED = "ResourceNotFoundException"  # an emulator forgets a shard that was split or merged


class ShardReader:
    """Goes through one shard; ``closed`` once all of a closed one has been read. For one thread at a time."""

    def __init__(self, feed: Feed, *, shard_id: str, position: Position) -> None:
        """Begin at ``position``, or at the oldest record where that is trimmed."""
        self._feed = feed
        self.shard_id = shard_id
        self._position = position
        self.behind = False  # as far as the stream says what is behind the last page
        self._iterator = self._new_iterator()

    @property
    def closed(self) -> bool:
        """Whether nothing is left and nothing will come."""
        return self._iterator is None

    def read(self) -> Sequence[Mapping[str, Any]]:
        """Take the next records, in boto3's form; none where there are none yet."""
        if self._iterator is None:
            return ()
        try:
            page = self._feed.read(self._iterator)
        except ClientError as error:
            if _code(error) not in {*_LAPSED, _VANISHED}:
                raise
            self._iterator = None if _code(error) == _VANISHED else self._new_iterator()
            return ()
        if page.records:
            self._position = Position("AFTER_SEQUENCE_NUMBER", self._feed.sequence(page.records[-1]))
        self._iterator, self.behind = page.following, page.more
        return page.records

    def has_unread(self) -> bool:
        """Look whether there is something that ``read`` has to take, or to find out."""
        if self._iterator is None:
            return False
        try:
            page = self._feed.read(self._iterator, limit=1)
        except ClientError as error:
            if _code(error) not in {*_LAPSED, _VANISHED}:
                raise
            return True
        return bool(page.records) or page.more or page.following is None  # the shard is at its end

    def _new_iterator(self) -> str | None:
        try:
            return self._feed.iterator(self.shard_id, self._position)
        except ClientError as error:
            if _code(error) == _VANISHED:
                return None
            if _code(error) != _TRIMMED:
                raise
            return self._feed.iterator(self.shard_id, HORIZON)


def newest(feed: Feed, *, shard_id: str) -> Position:
    """Find the position behind all that is in a shard: its horizon where that is empty.

    Unlike LATEST it says the same however much later it is asked for; the shard is read through for it.
    """
    last = HORIZON
    following: str | None = feed.iterator(shard_id, HORIZON)
    while following is not None:
        page = feed.read(following)
        if page.records:
            last = Position("AFTER_SEQUENCE_NUMBER", feed.sequence(page.records[-1]))
        elif not page.more:
            return last
        following = page.following
    return last


def read_range(feed: Feed, *, shard_id: str, first: str, last: str) -> Iterator[StagedRecord]:
    """Read the records from one sequence number to another, as far as the stream still has them.

    ClientError where the stream refuses, as a table's does where they are trimmed.
    """
    shape = feed.shape(shard_id)
    iterator: str | None = feed.iterator(shard_id, Position("AT_SEQUENCE_NUMBER", first))
    while iterator is not None:
        page = feed.read(iterator)
        for record in page.records:
            if int(feed.sequence(record)) > int(last):
                return
            yield shape(record)
        if not page.records and not page.more:
            return
        iterator = page.following


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
