"""The demand table in memory: plain items by their keys, its two indexes, and what may go wrong with it.

Beside it, and to be imported from here: what serves the plugin's Protocols over it.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

from demand_fakes import (
    FakeDemands,
    FakeDueWork,
    FakeEvents,
    FakeGenerated,
    FakeNotifications,
    FakeReceipts,
    FakeRecipients,
    FakeSales,
)
from demand_items import demand_item, event_item, notification_item, sale_item
from worker_runtime.dynamodb_json import dumps_item, loads_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from workers_dmnd.moves import Guard

    Item = dict[str, Any]

__all__ = [
    "FakeDemands",
    "FakeDueWork",
    "FakeEvents",
    "FakeGenerated",
    "FakeNotifications",
    "FakeReceipts",
    "FakeRecipients",
    "FakeSales",
    "FakeTable",
    "Key",
    "Write",
    "is_met",
]

INDEXES = ("GSI1", "GSI2")


class Key(NamedTuple):
    """Where an item stands."""

    pk: str
    sk: str


class Write(NamedTuple):
    """One item before and after a write; what a stream would tell."""

    old: Item | None
    new: Item | None


class FakeTable:
    """Items as DynamoDB keeps them, safe to share between threads.

    ``before_read`` and ``before_write`` are called with the key, outside of the lock: they may raise,
    or let somebody else go first. ``writes`` is all that was written, in order.
    """

    def __init__(self) -> None:
        self.before_read: Callable[[Key], None] | None = None
        self.before_write: Callable[[Key], None] | None = None
        self.writes: list[Write] = []
        self._items: dict[Key, Item] = {}
        self._indexes: dict[tuple[str, str], dict[Key, str]] = {}
        self._seen: dict[tuple[str, str], dict[Key, str]] | None = None
        self._failures: list[tuple[BaseException, bool] | None] = []
        self._lock = RLock()

    def fail_next(
        self, writes: int, error: BaseException, *, after: int = 0, though_written: bool = False
    ) -> None:
        """Let some writes raise: the next ones, or those ``after`` so many good ones.

        ``though_written`` loses only their answers. An error that is no Exception also goes through
        ``except Exception``, as the end of a process does. A transaction is one write.
        """
        with self._lock:
            self._failures = [None] * after + [(error, though_written)] * writes

    def heal(self) -> None:
        """Let nothing fail any more, and the indexes catch up."""
        with self._lock:
            self._failures, self._seen = [], None

    def put_event(self, event_id: str = "e1", **changed: Any) -> Item:
        """Put an event; attributes in camelCase, None leaves one out."""
        return self._placed(event_item(event_id, **changed))

    def put_sale(self, sale_id: str = "s1", *, event_id: str = "e1", **changed: Any) -> Item:
        """Put a sale; ``generation`` takes the whole map, ``status`` a word."""
        return self._placed(sale_item(sale_id, event_id=event_id, **changed))

    def put_demand(
        self, user_id: str = "u1", *, event_id: str = "e1", sale_id: str = "s1", **changed: Any
    ) -> Item:
        """Put what a fan wants of a sale."""
        return self._placed(demand_item(user_id, event_id=event_id, sale_id=sale_id, **changed))

    def put_notification(
        self, notification_id: str = "n1", *, status: str = "PENDING", **changed: Any
    ) -> Item:
        """Put a notification as it is in this status, its place in the indexes with it."""
        return self._placed(notification_item(notification_id, status=status, **changed))

    def hold_indexes(self) -> None:
        """Let the indexes tell from now on what they tell now; ``heal`` ends it."""
        with self._lock:
            self._seen = {name: dict(entries) for name, entries in self._indexes.items()}

    def get(self, keys: Mapping[str, str]) -> Item | None:
        """Return a copy of an item."""
        key = _key(keys)
        if self.before_read is not None:
            self.before_read(key)
        return self.item(keys)

    def item(self, keys: Mapping[str, str]) -> Item | None:
        """Return a copy of an item; for a test's eyes, so nothing stands in the way."""
        with self._lock:
            stored = self._items.get(_key(keys))
            return None if stored is None else _copied(stored)

    def items(self, kind: str = "") -> list[Item]:
        """Return copies of all items, or those of a type, in the order of their keys."""
        with self._lock:
            ordered = [self._items[key] for key in sorted(self._items)]
            return [_copied(item) for item in ordered if kind in ("", item.get("type"))]

    def query(
        self, index: str, partition: str, *, after: str = "", until: str = "\U0010ffff"
    ) -> Iterator[Item]:
        """Yield the items of an index's partition by its sort key: behind ``after``, up to ``until``."""
        with self._lock:
            entries = (self._indexes if self._seen is None else self._seen).get((index, partition), {})
            found = sorted((sort, key) for key, sort in entries.items() if after < sort <= until)
        for _, key in found:
            with self._lock:
                stored = self._items.get(key)
            if stored is not None:
                yield _copied(stored)

    def put(self, item: Mapping[str, Any], *, only_if: Callable[[Item | None], bool] | None = None) -> bool:
        """Write a whole item; False where ``only_if`` says no of the one that is there."""
        return self.transact([(item, only_if or _always)])

    def change(  # noqa: PLR0913 - the parts of one UpdateItem
        self,
        keys: Mapping[str, str],
        *,
        sets: Mapping[str, Any],
        removes: Sequence[str] = (),
        guards: Iterable[Guard] = (),
        only_if: Callable[[Item | None], bool] | None = None,
        together_with: Sequence[Mapping[str, Any]] = (),
    ) -> bool:
        """Set and remove attributes of an item and add one to its version; False where a guard failed.

        Items ``together_with`` it are put whole, or not at all.
        """
        if both := set(sets) & set(removes):
            raise ValueError(f"An UpdateItem sets and removes the same attributes: {sorted(both)}")
        guards = tuple(guards)

        def holds(stored: Item | None) -> bool:
            return all(is_met(guard, stored) for guard in guards) and (only_if or _always)(stored)

        def changed(stored: Item | None) -> Item:
            item: Item = {**(stored or {}), **sets}
            kept = {name: value for name, value in item.items() if name not in removes}
            return {**kept, **keys, "version": item.get("version", 0) + 1}

        return self.transact([(_Change(keys, changed), holds), *((item, _always) for item in together_with)])

    def transact(self, writes: Sequence[tuple[Any, Callable[[Item | None], bool]]]) -> bool:
        """Make writes, all or none; False where a condition failed."""
        if self.before_write is not None:
            self.before_write(_key_of(writes[0][0]))
        with self._lock:
            failure = self._failures.pop(0) if self._failures else None
            if failure is not None and not failure[1]:
                raise failure[0]
            done = all(holds(self._items.get(_key_of(wanted))) for wanted, holds in writes)
            for wanted, _ in writes if done else ():
                self._store(wanted)
            if failure is not None:
                raise failure[0]
        return done

    def _placed(self, item: Item) -> Item:
        with self._lock:
            self._store(item)
        return item

    def _store(self, wanted: Any) -> None:
        key = _key_of(wanted)
        old = self._items.get(key)
        new = _copied(wanted.made_of(old) if isinstance(wanted, _Change) else wanted)
        self._unlist(key, old)
        self._items[key] = new
        for index in INDEXES:
            if f"{index}PK" in new and f"{index}SK" in new:
                self._indexes.setdefault((index, new[f"{index}PK"]), {})[key] = new[f"{index}SK"]
        self.writes.append(Write(old, new))

    def _unlist(self, key: Key, item: Item | None) -> None:
        for index in INDEXES if item is not None else ():
            self._indexes.get((index, (item or {}).get(f"{index}PK", "")), {}).pop(key, None)


class _Change(NamedTuple):
    keys: Mapping[str, str]
    made_of: Callable[[Item | None], Item]


def is_met(guard: Guard, item: Mapping[str, Any] | None) -> bool:
    """Judge a guard on a stored item as DynamoDB judges a condition.

    What is absent is equal to nothing and less than nothing, and so is what is of another type.
    """
    value: Any = item or {}
    for step in guard.path.split("."):
        if not isinstance(value, dict) or step not in value:
            return guard.operator == "absent"
        value = value[step]
    match guard.operator:
        case "absent":
            return False
        case "in":
            return any(_alike(value, each) and value == each for each in guard.value)
        case "=":
            return _alike(value, guard.value) and bool(value == guard.value)
        case "<":
            return _alike(value, guard.value) and bool(value < guard.value)
        case "<=":
            return _alike(value, guard.value) and bool(value <= guard.value)


def _alike(one: Any, other: Any) -> bool:
    return dumps_item({"": one})[""].keys() == dumps_item({"": other})[""].keys()


def _always(_stored: Item | None) -> bool:
    return True


def _key(keys: Mapping[str, str]) -> Key:
    return Key(keys["PK"], keys["SK"])


def _key_of(wanted: Any) -> Key:
    return _key(wanted.keys if isinstance(wanted, _Change) else wanted)


def _copied(item: Mapping[str, Any]) -> Item:
    """Copy an item the way it goes to DynamoDB and comes back."""
    return loads_image(dumps_item(item))
