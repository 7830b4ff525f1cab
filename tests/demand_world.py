"""A sale, its fans, the SMS service and the four workers that deal with them, all on one clock.

For the machine of ``test_notification_machine``: whatever happens in the world is an ``Act``; while a
worker is at it, others may act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from demand_service import SmsService
from demand_table import FakeNotifications
from demand_workers import POLICY, Interruption, SignedTable, Workers
from worker_runtime import clock
from worker_runtime.testing import SteppedClock, change, kinesis_event, schedule_event, table_event
from workers_dmnd.generating import generate_notifications
from workers_dmnd.keys import demand_keys, event_keys, notification_keys, sale_keys
from workers_dmnd.models import Status
from workers_dmnd.moves import Moves
from workers_dmnd.policy import instant
from workers_dmnd.receipts import apply_receipts
from workers_dmnd.scheduling import release_notifications
from workers_dmnd.sending import send_notification
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.workers import Worker

    Item = dict[str, Any]

MORNING: Final = 1_700_042_400.0  # 10:00 in UTC: fans may be woken
WAITS_S: Final = (1.0, 15.0, 61.0, 130.0, 400.0, 700.0, 3_700.0, 43_200.0)
LONGEST_WITHIN_S: Final = 130.0  # more than a sender's lease, less than half of a generator's
FANS: Final = ("u1", "u2")
SIGNED_UP: Final = "a2"
LITTLE_TIME_S: Final = 8.0
ROUNDS: Final = 80


class Act(Struct, frozen=True):
    """Something that happens: ``which`` of several, and what the SMS service would answer.

    A worker may have ``trouble``, then it is sure to have work; ``acts`` is what happens meanwhile.
    """

    kind: str
    which: int = 0
    answer: str = "accepts"
    trouble: Interruption | None = None
    acts: tuple[Act, ...] = ()


class Delivery(Struct):
    """Something that a worker has to be given until it has dealt with it."""

    body: Any
    is_done: bool = False
    is_tried: bool = False
    is_dead: bool = False  # among the dead letters


class World:
    """All that there is; ``do`` lets something happen."""

    def __init__(self, *, names_sendings: bool) -> None:
        self.clock = SteppedClock(MORNING)
        self.table = SignedTable()
        self.sms = SmsService(names_sendings=names_sendings)
        self.changes: list[Delivery] = []
        self.receipts: list[Delivery] = []
        self._notifications = FakeNotifications(self.table)
        self._workers = Workers(self.table, self.sms, meanwhile=self._meanwhile)
        self._written = 0
        self._act = Act("begin")
        self._is_within = False  # another act
        self._acts: dict[str, Callable[[], object]] = {
            "wait": lambda: self._pass_time(WAITS_S[self._act.which % len(WAITS_S)]),
            "tick": lambda: self._run(release_notifications, schedule_event()),
            "generate": lambda: self._run(generate_notifications, schedule_event(), remaining_s=300),
            "send": lambda: self._send(self._one_of(left(self.changes))),
            "send again": lambda: self._send(self._one_of(self.changes)),
            "lose": self._lose,
            "receive": lambda: self._receive(self._one_of(left(self.receipts))),
            "receive again": lambda: self._receive(self._one_of(self.receipts)),
            "report": self._report,
            "tell": self._tell,
            "go on": self._go_on,
            "reopen": self._reopen,
            "sign up": self._sign_up,
            "suppress": lambda: self.table.change(event_keys("e1"), sets={"isSuppressed": True}),
            "opt out": lambda: self.table.change(
                demand_keys("u1", event_id="e1", sale_id="s1"), sets={"optOut": True}
            ),
            "index lags": self.table.hold_indexes,
        }
        with clock.using(self.clock):
            self.table.put_event()
            self.table.put_sale()
            for fan in FANS:
                self.table.put_demand(fan)

    def do(self, act: Act) -> None:
        """Let something happen."""
        before = self._act, self.sms.answer
        self._act, self.sms.answer = act, act.answer
        with clock.using(self.clock):
            if act.trouble is not None:
                self._find_work(act.kind)
            self._acts[act.kind]()
            self._note_changes()
        self._act, self.sms.answer = before

    def settle(self) -> None:
        """Let time pass in peace, healthy workers do all that is due, and dead letters come again."""
        self.table.heal()
        self._settle()
        for receipt in self.receipts:
            receipt.is_done = receipt.is_done and not receipt.is_dead
        self._settle()

    def sale(self) -> Item:
        """Return the sale's item."""
        return self.table.item(sale_keys("e1", "s1")) or {}

    def notifications(self) -> list[Item]:
        """Return the notifications' items."""
        return [item for item in self.table.items() if item["PK"].startswith("NTF#")]

    def next_due(self) -> float | None:
        """Return when the index next names a notification."""
        return min(
            (instant(item["GSI1SK"]) for item in self.notifications() if "GSI1SK" in item), default=None
        )

    def _settle(self) -> None:
        for _ in range(ROUNDS):
            for kind in ("tick", "generate"):
                self.do(Act(kind))
            for kind in ["send"] * len(left(self.changes)) + ["receive"] * len(left(self.receipts)):
                self.do(Act(kind))
            assert not left(self.changes) + left(self.receipts), "a healthy worker fails"
            due_at = self.next_due()
            if due_at is None and self.sale()["generation"]["id"] in ("DONE", "FAILED"):
                return
            self.clock.at = max(self.clock.at + 60, (due_at or 0) + 1)
        raise AssertionError(f"nobody is done: {self.notifications()} {self.sale()}")

    def _meanwhile(self) -> None:
        was_within, self._is_within = self._is_within, True
        for act in self._act.acts:
            self.do(act)
        self._is_within = was_within

    def _one_of(self, among: Sequence[Any]) -> Any:
        return among[self._act.which % len(among)] if among else None

    def _run(self, worker: Worker[..., Any], event: Any, *, remaining_s: float = 60) -> tuple[bool, int]:
        return self._workers.run(worker, event, remaining_s=remaining_s, interruption=self._act.trouble)

    def _pass_time(self, wait_s: float) -> None:
        self.clock.at += min(wait_s, LONGEST_WITHIN_S) if self._is_within else wait_s

    def _send(self, delivery: Delivery | None) -> None:
        if delivery is None:
            return
        delivery.is_tried = True
        remaining_s = LITTLE_TIME_S if self.sms.answer == "has no time" else 60
        answered = len(self.sms.answered)
        is_done, dead = self._run(send_notification, delivery.body, remaining_s=remaining_s)
        delivery.is_done |= is_done
        assert not dead, "a change that can be read is no dead letter"
        if is_done and not is_grave(self._act.trouble):
            self.sms.known.update(self.sms.answered[answered:])

    def _lose(self) -> None:
        """Let a change, that nobody has been given, end with the dead letters."""
        lost = self._one_of([each for each in left(self.changes) if not each.is_tried])
        if lost is not None:
            lost.is_done = True

    def _receive(self, delivery: Delivery | None) -> None:
        if delivery is not None:
            is_done, dead = self._run(apply_receipts, kinesis_event(delivery.body))
            delivery.is_done |= is_done
            delivery.is_dead |= bool(dead)

    def _report(self) -> None:
        """Let the SMS service report something of a message; nobody has been told yet."""
        report = self.sms.report(self._act.which)
        if report is not None:
            self.receipts.append(Delivery(report))

    def _tell(self) -> None:
        """Let the SMS service report something, and the consumer hear of it at once."""
        self._report()
        if left(self.receipts):
            self._receive(left(self.receipts)[-1])

    def _go_on(self) -> None:
        """Let time pass until something is due, a tick see to it, and changes be sent."""
        self._wait_for_work()
        self.do(Act("tick"))
        for delivery in left(self.changes):
            self._send(delivery)

    def _find_work(self, kind: str) -> None:
        if kind == "tick" or (kind == "send" and not left(self.changes)):
            self._wait_for_work()
        if kind == "send" and not left(self.changes):
            self.do(Act("tick"))
        if kind == "receive" and not left(self.receipts):
            self._report()

    def _wait_for_work(self) -> None:
        self._pass_time(max((self.next_due() or 0) - self.clock.at, 0) + 1)

    def _reopen(self) -> None:
        item = self._one_of([each for each in self.notifications() if each["status"]["id"] == Status.FAILED])
        found = item and self._notifications.find(item["notificationId"])
        if found:
            moves = Moves(POLICY, now=clock.now(), by=Writer.OPERATOR)
            self._notifications.make(found.notification_id, moves.reopen(found, reason="asked"))

    def _sign_up(self) -> None:
        if self.table.item(notification_keys(SIGNED_UP)) is None:
            self.table.put_notification(SIGNED_UP, type="notification:asu", status="CREATED", saleId=None)

    def _note_changes(self) -> None:
        """Put on the stream what the sender's filter lets through."""
        writes = self.table.writes
        for at in range(self._written, len(writes)):
            old, new = writes[at]
            is_released = new is not None and new["SK"] == "NTF" and "status" in new
            if is_released and new and new["status"]["id"] in (Status.CREATED, Status.RETRY):
                self.changes.append(Delivery(table_event(change(new=new, old=old, at=at))))
        self._written = len(writes)


def is_grave(trouble: Interruption | None) -> bool:
    """Say whether a run may have come to less than it should."""
    return trouble is not None and trouble.trouble != "meanwhile"


def left(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """List what nobody has dealt with yet."""
    return [each for each in deliveries if not each.is_done]
