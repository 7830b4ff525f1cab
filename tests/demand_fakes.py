"""The Protocols of ``workers_dmnd.services`` over the demand table in memory; import from ``demand_table``.

``test_fakes_agree`` holds them and the real adapters together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from worker_runtime import Reject, clock, correlation_id
from workers_dmnd import items, keys
from workers_dmnd.models import Demand, Event, Notification, Pointer, Sale, SmsStatus, plain_item
from workers_dmnd.moves import Guard
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from demand_table import FakeTable
    from workers_dmnd.models import Generation, GenerationState
    from workers_dmnd.moves import Move

    Item = dict[str, Any]

T = TypeVar("T")


class FakeEvents:
    """Serves ``Events``."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table

    def find(self, event_id: str) -> Event | None:
        return _read(self._table.get(keys.event_keys(event_id)), Event, code="BAD_EVENT")

    def save_short_url(self, event: Event, short_url: str) -> bool:
        now = timestamp(clock.now())
        return self._table.change(
            keys.event_keys(event.id),
            sets={"shortUrl": short_url, "shortUrlAt": now, "updatedAt": now},
            guards=(Guard("isSuppressed", "=", False), Guard("url", "=", event.url)),  # noqa: FBT003 - a value
            only_if=lambda stored: (stored or {}).get("shortUrl") is None,
        )


class FakeSales:
    """Serves ``Sales``."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table

    def find(self, event_id: str, sale_id: str) -> Sale | None:
        return _read(self._table.get(keys.sale_keys(event_id, sale_id)), Sale, code="BAD_SALE")

    def due(self, *, now: float) -> Iterator[tuple[str, str]]:
        return map(items.sale_ids_of, self._table.query("GSI1", keys.DUE_SALES, until=timestamp(now)))

    def mark_due(self, sale: Sale) -> bool:
        due = msgspec.structs.replace(sale.generation, id="DUE")
        return self._change(sale, due, only_if=lambda stored: _state(stored) == "NONE")

    def lease(
        self, sale: Sale, generation: Generation, *, among: Sequence[GenerationState], now: float
    ) -> bool:
        def is_free(stored: Item | None) -> bool:
            until = ((stored or {}).get("generation") or {}).get("leaseUntil")
            return _state(stored) in among and (until is None or until < timestamp(now))

        as_read = Guard.same("version", sale.version)
        listed = {"GSI1PK": keys.DUE_SALES, "GSI1SK": generation.lease_until or timestamp(now)}
        return self._change(sale, generation, sets=listed, only_if=is_free, guards=(as_read,))

    def save(self, sale: Sale, generation: Generation, *, next_at: str | None) -> bool:
        if generation.lease_owner is None:
            raise ValueError("Only who holds the lease saves; give the generation its lease_owner.")
        held = Guard("generation.leaseOwner", "=", generation.lease_owner)
        if generation.id != "RUNNING":
            generation = msgspec.structs.replace(generation, lease_owner=None, lease_until=None)
        listed = {} if next_at is None else {"GSI1PK": keys.DUE_SALES, "GSI1SK": next_at}
        unlisted = ("GSI1PK", "GSI1SK") if next_at is None else ()
        return self._change(sale, generation, sets=listed, removes=unlisted, guards=(held,))

    def _change(self, sale: Sale, generation: Generation, *, sets: Item | None = None, **how: Any) -> bool:
        changed = {"generation": plain_item(generation), "updatedAt": timestamp(clock.now())}
        return self._table.change(
            keys.sale_keys(sale.event_id, sale.sale_id), sets={**changed, **(sets or {})}, **how
        )


class FakeRecipients:
    """Serves ``Recipients``."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table

    def of(self, sale_id: str, *, shard: int, after: str | None) -> Iterator[Demand]:
        place = keys.demand_index("", sale_id=sale_id, shard=shard)
        behind = "" if after is None else f"{place['GSI2SK']}{after}"
        for item in self._table.query("GSI2", place["GSI2PK"], after=behind):
            try:
                yield msgspec.convert(item, Demand)
            except msgspec.ValidationError:
                continue  # one that nobody can read keeps none of the others


class FakeGenerated:
    """Serves ``GeneratedNotifications``: ids in ``refused`` stay unwritten."""

    def __init__(self, table: FakeTable) -> None:
        self.refused: set[str] = set()
        self._table = table

    def present(self, notification_ids: Sequence[str]) -> Mapping[str, int | None]:
        found = {each: self._table.get(keys.notification_keys(each)) for each in notification_ids}
        return {each: item.get("pass") for each, item in found.items() if item is not None}

    def put(self, notifications: Sequence[Notification], *, made_in: int) -> Sequence[str]:
        unknown = []
        for each in notifications:
            if each.notification_id in self.refused:
                unknown.append(each.notification_id)
                continue
            self._table.put(
                items.notification_item(
                    each, made_in=made_in, now=clock.now(), correlation_id=correlation_id()
                )
            )
        return unknown


class FakeNotifications:
    """Serves ``Notifications``."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table

    def find(self, notification_id: str) -> Notification | None:
        stored = self._table.get(keys.notification_keys(notification_id))
        return _read(stored, Notification, code="BAD_NOTIFICATION")

    def make(self, notification_id: str, move: Move) -> bool:
        return self._make(notification_id, move)

    def make_known(self, notification_id: str, move: Move, pointer: Pointer) -> bool:
        known = items.pointer_item(pointer, now=clock.now(), correlation_id=correlation_id())
        return self._make(notification_id, move, together_with=(known,))

    def _make(self, notification_id: str, move: Move, *, together_with: Sequence[Item] = ()) -> bool:
        return self._table.change(
            keys.notification_keys(notification_id),
            sets=move.sets,
            removes=move.removes,
            guards=move.guards,
            together_with=together_with,
        )


class FakeDueWork:
    """Serves ``DueWork``."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table

    def waiting(self, shard: int, *, until: float) -> Iterator[str]:
        return self._of(keys.due_shard(shard), until=until)

    def overdue(self, shard: int, *, until: float) -> Iterator[str]:
        return self._of(keys.lease_shard(shard), until=until)

    def count_waiting(self, *, until: float) -> int:
        return sum(1 for shard in range(keys.SHARDS) for _ in self.waiting(shard, until=until))

    def _of(self, partition: str, *, until: float) -> Iterator[str]:
        return map(items.notification_id_of, self._table.query("GSI1", partition, until=timestamp(until)))


class FakeDemands:
    """Serves ``Demands``."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table

    def find(self, user_id: str, *, event_id: str, sale_id: str) -> Demand | None:
        stored = self._table.get(keys.demand_keys(user_id, event_id=event_id, sale_id=sale_id))
        return _read(stored, Demand, code="BAD_DEMAND")


class FakeReceipts:
    """Serves ``Receipts``."""

    def __init__(self, table: FakeTable) -> None:
        self._table = table

    def pointer(self, message_id: str) -> Pointer | None:
        return _read(self._table.get(keys.pointer_keys(message_id)), Pointer, code="BAD_POINTER")

    def keep_pointer(self, pointer: Pointer) -> None:
        self._table.put(items.pointer_item(pointer, now=clock.now(), correlation_id=correlation_id()))

    def park(self, receipt: SmsStatus) -> None:
        parked = items.parked_item(receipt, now=clock.now(), correlation_id=correlation_id())

        def says_less(stored: Item | None) -> bool:
            return stored is None or (stored["rank"], stored["at"]) < (parked["rank"], parked["at"])

        self._table.put(parked, only_if=says_less)

    def parked(self, message_id: str) -> SmsStatus | None:
        return _read(self._table.get(keys.parked_keys(message_id)), SmsStatus, code="BAD_RECEIPT")


def _read(stored: Item | None, kind: type[T], *, code: str) -> T | None:
    try:
        return None if stored is None else msgspec.convert(stored, kind)
    except msgspec.ValidationError as error:
        raise Reject(code, str(error)) from error


def _state(stored: Item | None) -> str | None:
    return None if stored is None else (stored.get("generation") or {}).get("id", "NONE")
