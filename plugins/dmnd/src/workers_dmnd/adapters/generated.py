"""New notifications into the demand table, many at a time."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker_runtime import clock, concurrently, correlation_id
from workers_dmnd.items import notification_id_of, notification_item
from workers_dmnd.keys import notification_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from worker_runtime import Metrics
    from worker_runtime.clients.dynamodb import Table
    from workers_dmnd.models import Notification

    Item = dict[str, Any]

AT_ONCE: Final = 8
GETS_A_CALL: Final = 100  # BatchGetItem
PUTS_A_CALL: Final = 25  # BatchWriteItem

T = TypeVar("T")
R = TypeVar("R")


class GeneratedTable:
    """Serves ``GeneratedNotifications``: batch calls side by side, ``UnprocessedRetries`` counted.

    A batch knows no conditions, so whoever puts holds the sale's lease and has asked what is present.
    """

    def __init__(self, table: Table, *, metrics: Metrics) -> None:
        self._table = table
        self._metrics = metrics

    def present(self, notification_ids: Sequence[str]) -> dict[str, int | None]:
        """Return which of these exist (read consistently), each with the generator's pass that made it."""
        found = _in_parts(self._get, notification_ids, size=GETS_A_CALL)
        return {notification_id_of(item): item.get("pass") for item in found}

    def put(self, notifications: Sequence[Notification], *, made_in: int) -> list[str]:
        """Put new notifications and return the ids of those that are not known to be written."""
        now, cause = clock.now(), correlation_id()
        made = [
            notification_item(each, made_in=made_in, now=now, correlation_id=cause) for each in notifications
        ]
        return [notification_id_of(item) for item in _in_parts(self._put, made, size=PUTS_A_CALL)]

    def _get(self, notification_ids: Sequence[str]) -> list[Item]:
        keys = [notification_keys(each) for each in notification_ids]
        return [item for item in self._table.batch_get(keys, consistent=True) if item is not None]

    def _put(self, items: Sequence[Item]) -> list[Item]:
        return self._table.batch_put(items, unprocessed=self._count_repeated)

    def _count_repeated(self, items: int) -> None:
        self._metrics.count("UnprocessedRetries", items)


def _in_parts(call: Callable[[list[T]], list[R]], items: Iterable[T], *, size: int) -> list[R]:
    """Call with ``size`` items at a time, several calls at once; raise what the first of them raised."""
    answers: list[R] = []
    for outcome in concurrently(call, _parts(items, size), at_once=AT_ONCE):
        if isinstance(outcome, Exception):
            raise outcome
        answers += outcome
    return answers


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
