"""What the workers ask for; adapters serve it, ``plugin`` says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker_runtime import Verdict
    from workers_dmnd.models import (
        Campaign,
        Demand,
        Event,
        Generation,
        GenerationState,
        Notification,
        Pointer,
        Sale,
        SmsStatus,
    )
    from workers_dmnd.moves import Move


class Events(Protocol):
    """The events of the demand table."""

    def find(self, event_id: str) -> Event | None:
        """Return the event as it is now; None where there is none."""

    def save_short_url(self, event: Event, short_url: str) -> bool:
        """Save the link; False where the event has one, is suppressed or has another URL by now."""


class Sales(Protocol):
    """The sales of the demand table, and how far each one's notifications are generated."""

    def find(self, event_id: str, sale_id: str) -> Sale | None:
        """Return the sale as it is now; None where there is none."""

    def due(self, *, now: float) -> Iterator[tuple[str, str]]:
        """Yield event id and sale id of sales that the index says are due, the longest waiting first."""

    def mark_due(self, sale: Sale) -> bool:
        """Make NONE DUE; False where it is not NONE any more."""

    def lease(
        self, sale: Sale, generation: Generation, *, among: Sequence[GenerationState], now: float
    ) -> bool:
        """Make ``generation`` the sale's where its state is one of these and nobody holds a lease.

        False, too, where somebody has written to the sale since it was read. The index names the sale
        again when the lease expires: whoever died is followed, asked for by hand or not.
        """

    def save(self, sale: Sale, generation: Generation, *, next_at: str | None) -> bool:
        """Save progress or the end, while ``generation.lease_owner`` still holds the lease; else False.

        ``next_at`` is when the index names the sale again; None takes it out of the index. A saved
        state other than RUNNING gives the lease back.
        """


class Recipients(Protocol):
    """Who is to be told of a sale."""

    def of(self, sale_id: str, *, shard: int, after: str | None) -> Iterator[Demand]:
        """Yield the demands of one shard by user id, from behind ``after``; pages are read as needed."""


class GeneratedNotifications(Protocol):
    """Where new notifications are put, none over one that is there."""

    def present(self, notification_ids: Sequence[str]) -> Mapping[str, int | None]:
        """Return which of these exist (read consistently), each with the generator's pass that made it."""

    def put(self, notifications: Sequence[Notification], *, made_in: int) -> Sequence[str]:
        """Put new notifications and return the ids of those that are not known to be written."""


class Notifications(Protocol):
    """The notifications of the demand table."""

    def find(self, notification_id: str) -> Notification | None:
        """Return the notification as it is now; None where there is none."""

    def make(self, notification_id: str, move: Move) -> bool:
        """Make a move; False where a guard failed and nothing was written."""

    def make_known(self, notification_id: str, move: Move, pointer: Pointer) -> bool:
        """Make a move and put the pointer, both or neither; False where a guard failed."""


class DueWork(Protocol):
    """What the index says of notifications; it may be late, so each is read again before it is moved."""

    def waiting(self, shard: int, *, until: float) -> Iterator[str]:
        """Yield the ids of a shard's notifications whose time to be released has come, in that order."""

    def overdue(self, shard: int, *, until: float) -> Iterator[str]:
        """Yield the ids of a shard's notifications that somebody should have dealt with by now."""

    def count_waiting(self, *, until: float) -> int:
        """Count all notifications whose time to be released has come."""


class Demands(Protocol):
    """What single fans want."""

    def find(self, user_id: str, *, event_id: str, sale_id: str) -> Demand | None:
        """Return the demand as it is now; None where there is none."""


class Receipts(Protocol):
    """Which notification a message of the SMS service is, and receipts that came before that was known."""

    def pointer(self, message_id: str) -> Pointer | None:
        """Return whose message it is, as it is known now."""

    def keep_pointer(self, pointer: Pointer) -> None:
        """Keep whose message it is."""

    def park(self, receipt: SmsStatus) -> None:
        """Keep a receipt for a day, unless one that says more is kept."""

    def parked(self, message_id: str) -> SmsStatus | None:
        """Return the receipt that is kept of a message."""


class Links(Protocol):
    """Short links to long URLs."""

    def shorten(self, url: str) -> str:
        """Return the short link of a URL, always the same one; no link is raised as a verdict."""


class LinkCache(Protocol):
    """Links that were made before; what it forgets costs a call."""

    def find(self, url: str) -> str | None:
        """Return the link of a URL, if it is known."""

    def keep(self, url: str, link: str) -> None:
        """Remember the link of a URL."""


class CallLimit(Protocol):
    """How many calls a minute a service allows, counted for all that call it."""

    def take(self) -> float:
        """Take a call of this minute and return 0, or else the seconds after which to ask again."""

    def block(self, *, for_s: float) -> None:
        """Allow no call for some seconds: the service has said so."""


class ShortUrlQueue(Protocol):
    """Where events wait for their short link."""

    def enqueue(self, events: Mapping[str, str]) -> Mapping[str, Verdict]:
        """Enqueue events (id to correlation id) and return, by id, why some were not."""


class CampaignStore(Protocol):
    """Campaigns and whom they speak to [A10]."""

    def find(self, campaign_id: str) -> Campaign | None:
        """Return a campaign, some minutes old at most; None where there is none."""


class Sms(Protocol):
    """The SMS service."""

    def is_reachable(self) -> bool:
        """Say whether it answers, as far as is known; asked before a notification is claimed."""

    def send(self, notification: Notification, *, client_message_id: str, body: str) -> str:
        """Have the text sent once for all calls with this id, and return the service's message id.

        Raises Retry where it may be accepted later (or was, unheard of), Defer where it was not even
        asked, Reject where it never will be, Halt where the service does not let us in.
        """


class SendRate(Protocol):
    """How many messages a second may go out, counted for all senders."""

    def take(self, *, within_s: float) -> bool:
        """Take a turn, waiting for one up to ``within_s``; False where there is none."""


class Texts(Protocol):
    """What a fan reads."""

    def text(self, notification: Notification) -> str:
        """Return the text in the fan's language; Reject ``TEMPLATE_ERROR`` where there is none that fits."""
