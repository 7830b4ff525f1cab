"""What holds of notifications at any time, and of all of them in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workers_dmnd import transitions as rows
from workers_dmnd.keys import due_shard, lease_shard, notification_keys, parked_keys, pointer_keys, shard16
from workers_dmnd.models import Status
from workers_dmnd.moves import sending_of
from workers_dmnd.transitions import FINAL, TRANSITIONS, Transition, Writer

if TYPE_CHECKING:
    from demand_service import SmsService
    from demand_table import FakeTable
    from demand_workers import Signed
    from demand_world import World

    Item = dict[str, Any]

MOST_ATTEMPTS: Final = 3
NEXT_EPOCH: Final = (rows.SEND_AGAIN, rows.REOPEN)
UNDELIVERED: Final = ("undelivered", "failed")


class Laws:
    """Holds a world to them: ``check`` at any time, ``check_end`` when it has settled."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sms = world.sms
        self._checked = 0
        self._claimed_by: dict[str, int] = {}

    def check(self) -> None:
        """Hold all writes since the last look to the transitions, and each notification to its status."""
        signed = self._world.table.signed
        while self._checked < len(signed):
            self._check_write(signed[self._checked])
            self._checked += 1
        for item in self._world.notifications():
            _check_item(item, self._sms)
        _check_messages(self._world.table, self._sms)

    def check_end(self) -> None:
        """Hold each notification to an end, and the sale to the number of them."""
        for item in self._world.notifications():
            _check_end(item, self._world)
        generation = self._world.sale()["generation"]
        if generation["id"] == "DONE":
            made = [item for item in self._world.notifications() if item.get("saleId")]
            assert generation["written"] == len(made)

    def _check_write(self, signed: Signed) -> None:
        """Hold a write to being one of its row, made when it may be, by who may make it."""
        old, new = signed.write
        if new is None or not new["PK"].startswith("NTF#"):
            return
        if old is None:
            assert new["version"] == 1
            return
        assert new["version"] == old["version"] + 1, ("a version more with each write", old, new)
        row = transition(old, new)
        assert row is not None, ("no such transition", old["status"], new["status"])
        assert new["epoch"] - old["epoch"] == (row in NEXT_EPOCH), ("the epoch", row.number, old, new)
        _check_attempts(row, old, new)
        _check_time(row, old, new)
        self._check_evidence(row, old, new)
        if row is rows.CLAIM:
            self._claimed_by[new["PK"]] = signed.run
        if row in (rows.TRY_AGAIN, rows.GIVE_UP):
            assert self._claimed_by[new["PK"]] == signed.run, ("it is another's by now", old, new)

    def _check_evidence(self, row: Transition, old: Item, new: Item) -> None:
        """Ask the SMS service whether what is noted of it is so."""
        notification_id = old["notificationId"]
        if row is rows.ACCEPT:
            assert self._sms.accepted[new["clientMessageId"]] == new["messageId"], ("not its message", new)
        if row in (rows.SEND_AGAIN, rows.FAIL):
            said = self._sms.said_of(f"{notification_id}:{old['epoch']}")
            assert said & {*UNDELIVERED}, ("nobody said that it was not delivered", said, old, new)
        if row in (rows.DELIVER, rows.DELIVER_LATE):
            epochs = range(old["epoch"] + 1)
            said = {each for epoch in epochs for each in self._sms.said_of(f"{notification_id}:{epoch}")}
            assert "delivered" in said, ("nobody said that it was delivered", said, old, new)


def transition(old: Item, new: Item) -> Transition | None:
    """Return the row that leads from an item to the next by this writer's hand."""
    was, is_now, by = Status(old["status"]["id"]), Status(new["status"]["id"]), new["status"]["by"]
    fitting = [
        row
        for row in TRANSITIONS
        if was in row.sources and (row.target or was) is is_now and Writer(by) in row.writers
    ]
    return fitting[0] if fitting else None


def _check_attempts(row: Transition, old: Item, new: Item) -> None:
    spent = new["attempts"] - old["attempts"]
    match row:
        case rows.CLAIM:
            assert spent == (not old.get("resume")), ("an attempt more, unless resumed", old, new)
        case rows.REOPEN:
            assert new["attempts"] == 0
        case _:
            assert spent == 0, ("attempts change with a claim only", row.number, old, new)


def _check_time(row: Transition, old: Item, new: Item) -> None:
    at = new["status"]["at"]
    match row:
        case rows.RELEASE | rows.RELEASE_AGAIN:
            assert old["sendAt"] <= at
        case rows.EXPIRE:
            assert old["expiresAt"] < at
        case rows.RESUME:
            assert old["leaseUntil"] < at, ("its lease lasts still", old, new)
            assert new["resume"] is True


def _check_item(item: Item, sms: SmsService) -> None:
    """Hold a notification to what its status means."""
    notification_id, status = item["notificationId"], Status(item["status"]["id"])
    place, shard = (item.get("GSI1PK"), item.get("GSI1SK")), shard16(notification_id)
    match status:
        case Status.PENDING:
            assert place == (due_shard(shard), item["sendAt"])
        case Status.SENDING:
            assert place == (lease_shard(shard), item["leaseUntil"])
        case Status.CREATED | Status.RETRY:
            assert place[0] == lease_shard(shard)
        case _:
            assert place == (None, None), ("still in the index", item)
    assert item["GSI2PK"] == f"USER#{item['userId']}"
    assert ("leaseUntil" in item) == (status is Status.SENDING), ("leased", item)
    assert item["attempts"] <= MOST_ATTEMPTS
    if status not in FINAL:
        sending = f"{notification_id}:{item['epoch']}"
        assert item.get("clientMessageId") in (
            (sending,) if status in (Status.SENDING, Status.SENT) else (sending, None)
        )
        assert item.get("messageId") in (None, sms.accepted.get(sending)), ("not its message", item)


def _check_messages(table: FakeTable, sms: SmsService) -> None:
    """Hold the messages to the epochs that there were, and to being known where a sender was told of them."""
    for name, message_id in sms.accepted.items():
        sending = sending_of(name)
        assert sending is not None
        item = table.item(notification_keys(sending[0]))
        assert item is not None
        assert sending[1] <= item["epoch"], ("a sending that is not to be yet", name)
        if message_id in sms.known:
            assert table.item(pointer_keys(message_id)) is not None, ("nobody knows whose it is", name)


def _check_end(item: Item, world: World) -> None:
    """Hold a notification to an end, or to being sent with nothing more known of it."""
    sms = world.sms
    notification_id, status = item["notificationId"], Status(item["status"]["id"])
    assert status in (*FINAL, Status.SENT), ("stuck", item)
    if status is Status.SENT:
        assert not sms.said_of(item["clientMessageId"]) & {"delivered", *UNDELIVERED}, (
            "a receipt was not minded",
            item,
        )
    for epoch in range(item["epoch"] + 1):
        name = f"{notification_id}:{epoch}"
        if "delivered" in sms.said_of(name) and _can_be_known(sms.accepted[name], world):
            assert status in (Status.DELIVERED, Status.SUPPRESSED), ("delivered, but nobody knows", item)


def _can_be_known(message_id: str, world: World) -> bool:
    """Say whether anybody can know whose message it is: not where its receipt is parked, or an orphan."""
    is_parked = world.table.item(parked_keys(message_id)) is not None
    is_orphaned = any(each.is_dead and each.body["messageId"] == message_id for each in world.receipts)
    return world.table.item(pointer_keys(message_id)) is not None or not (is_parked or is_orphaned)
