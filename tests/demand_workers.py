"""The four workers as Lambda runs them over the table in memory, and the trouble that each may have.

A run may be interrupted at any of its reads, writes and calls. Each shard holds one notification at most,
so that nothing runs side by side but what a test says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

from demand_table import (
    FakeDemands,
    FakeDueWork,
    FakeEvents,
    FakeGenerated,
    FakeNotifications,
    FakeReceipts,
    FakeRecipients,
    FakeSales,
    FakeTable,
    Write,
)
from worker_runtime import Retry
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, ready
from workers_dmnd import services
from workers_dmnd.extensions import EventExtensionPublisher, PublishesNothing
from workers_dmnd.generating import generate_notifications
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.receipts import apply_receipts
from workers_dmnd.scheduling import release_notifications
from workers_dmnd.sending import send_notification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from demand_service import SmsService
    from worker_runtime.workers import Worker
    from workers_dmnd.models import Notification
    from workers_dmnd.moves import Move

POLICY: Final = NotificationPolicy(chunk_size=1, max_per_tick=2)

Trouble = Literal["crash", "outage", "written but not said", "meanwhile"]


class Interruption(Struct, frozen=True):
    """What happens ``at`` some read, write or call of a run; ``meanwhile`` something else is done."""

    at: int
    trouble: Trouble


class Crash(BaseException):
    """The end of a process: no worker hears of it."""


class Signed(Struct, frozen=True):
    """A write, and which run made it; 0 is nobody's."""

    write: Write
    run: int


class SignedTable(FakeTable):
    """A demand table that knows who wrote what."""

    def __init__(self) -> None:
        super().__init__()
        self.run = 0
        self.signed: list[Signed] = []

    def transact(self, writes: Sequence[tuple[Any, Callable[[Any], bool]]]) -> bool:
        try:
            return super().transact(writes)
        finally:
            self.signed += [Signed(write, self.run) for write in self.writes[len(self.signed) :]]


class UnheardNotifications(FakeNotifications):
    """Notifications whose next move may be made though its answer says that it was not.

    So it looks where the SDK repeats a write whose answer was lost.
    """

    is_unheard = False

    def make(self, notification_id: str, move: Move) -> bool:
        made = super().make(notification_id, move)
        is_heard, self.is_unheard = not self.is_unheard, False
        return made and is_heard


class UnheardGenerated(FakeGenerated):
    """New notifications that may be written though nobody says so."""

    is_unheard = False

    def put(self, notifications: Sequence[Notification], *, made_in: int) -> Sequence[str]:
        unknown = super().put(notifications, made_in=made_in)
        is_heard, self.is_unheard = not self.is_unheard, False
        return unknown if is_heard else [each.notification_id for each in notifications]


class FreeLinks:
    """Makes links at once."""

    def shorten(self, url: str) -> str:
        return f"https://bit.ly/{len(url)}"


class NoCampaigns:
    """Knows no campaign."""

    def find(self, campaign_id: str) -> None:
        """Find none."""


class Workers:
    """Sender, consumer, scheduler and generator; ``meanwhile`` is called in the midst of a run."""

    def __init__(self, table: SignedTable, sms: SmsService, *, meanwhile: Callable[[], None]) -> None:
        self.runs = 0
        self._table = table
        self._meanwhile = meanwhile
        self._coming: Interruption | None = None
        self._reached = 0
        self._notifications = UnheardNotifications(table)
        self._generated = UnheardGenerated(table)
        self._ready = {
            worker: ready(worker, services=self._offered(sms))
            for worker in (send_notification, apply_receipts, release_notifications, generate_notifications)
        }
        table.before_read = table.before_write = sms.before_call = self._reach

    def run(
        self,
        worker: Worker[..., Any],
        event: Any,
        *,
        remaining_s: float = 60,
        interruption: Interruption | None = None,
    ) -> tuple[bool, int]:
        """Run a worker; say whether it dealt with the event, and to how many dead letters it came."""
        before = self._table.run, self._coming, self._reached
        self.runs += 1
        self._table.run, self._coming, self._reached = self.runs, interruption, 0
        self._notifications.is_unheard = self._generated.is_unheard = False
        context, sender = Context(remaining_s, f"request-{self.runs}"), RecordingSender()
        try:
            reply = run(self._ready[worker], event, context=context, sender=sender)
        except (Crash, Exception):
            return False, 0
        finally:
            self._table.run, self._coming, self._reached = before
        is_partial = isinstance(reply, dict) and bool(reply.get("batchItemFailures"))
        return not is_partial, len(sender.sent)

    def _offered(self, sms: SmsService) -> dict[type, Any]:
        table = self._table
        return {
            services.Notifications: self._notifications,
            services.Receipts: FakeReceipts(table),
            services.Events: FakeEvents(table),
            services.Sales: FakeSales(table),
            services.Demands: FakeDemands(table),
            services.DueWork: FakeDueWork(table),
            services.Recipients: FakeRecipients(table),
            services.GeneratedNotifications: self._generated,
            services.CampaignStore: NoCampaigns(),
            services.Links: FreeLinks(),
            services.Sms: sms,
            services.SendRate: sms,
            services.Texts: sms,
            EventExtensionPublisher: PublishesNothing(),
            NotificationPolicy: POLICY,
        }

    def _reach(self, _where: object = None) -> None:
        """Count a read, write or call of the run at hand; interrupt it where it is told to."""
        reached, coming = self._reached, self._coming
        self._reached += 1
        if coming is None:
            return
        if reached > coming.at and coming.trouble == "crash":
            raise Crash  # what still runs of a dead process gets no further either
        if reached == coming.at:
            self._interrupt(coming.trouble)

    def _interrupt(self, trouble: Trouble) -> None:
        match trouble:
            case "crash":
                raise Crash
            case "outage":
                raise Retry(reason="no answer")
            case "written but not said":
                self._notifications.is_unheard = self._generated.is_unheard = True
            case "meanwhile":
                before = self._table.run, self._coming
                self._table.run, self._coming = 0, None
                self._meanwhile()
                self._table.run, self._coming = before
