"""From a sale's fans to their notifications, a chunk at a time; never more than one is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime import Retry, clock
from workers_dmnd.keys import SHARDS
from workers_dmnd.models import Demand
from workers_dmnd.new_notification import new_notification, notification_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from worker_runtime import Metrics
    from workers_dmnd.models import Notification
    from workers_dmnd.new_notification import Announcement
    from workers_dmnd.policy import NotificationPolicy
    from workers_dmnd.services import GeneratedNotifications, Recipients

LOOKED_AT_PER_PLACE: Final = 10
"""How many fans a chunk may look at for each that it has a place for: few may want to be told."""


class Chunk(Struct, frozen=True):
    """Some of a sale's fans who are to be told; it ended behind the fan ``cursor`` of a shard."""

    recipients: tuple[Demand, ...]
    shard: int
    cursor: str


class Advance(Struct, frozen=True):
    """How far a chunk brought a pass; what it found made by earlier passes is ``skipped``."""

    shard: int
    cursor: str
    written: int
    skipped: int


class FanOut:
    """Makes the notifications of a sale's fans."""

    def __init__(
        self,
        *,
        recipients: Recipients,
        notifications: GeneratedNotifications,
        policy: NotificationPolicy,
        metrics: Metrics,
    ) -> None:
        self._recipients = recipients
        self._notifications = notifications
        self._policy = policy
        self._metrics = metrics

    def over(
        self, announcement: Announcement, *, made_in: int, shard: int = 0, after: str | None = None
    ) -> Iterator[Advance]:
        """Make the notifications that are missing behind a fan, and say after each chunk how far it is.

        Nothing that is there is written over. Raises Retry where a chunk was not written whole.
        """
        chunks = chunked(
            self._recipients,
            announcement.sale_id,
            size=self._policy.chunk_size,
            is_recipient=announcement.is_for,
            shard=shard,
            after=after,
        )
        while (advance := self._advance(chunks, announcement, made_in)) is not None:
            yield advance

    def _advance(self, chunks: Iterator[Chunk], announcement: Announcement, made_in: int) -> Advance | None:
        """Take the next chunk and deal with it; it is out of memory when this returns."""
        began = clock.now()
        chunk = next(chunks, None)
        if chunk is None:
            return None
        fans = {notification_id(announcement, fan.user_id): fan for fan in chunk.recipients}
        present = self._notifications.present(list(fans)) if fans else {}
        expires_after_s = self._policy.expires_after_seconds
        missing = [
            new_notification(announcement, fan, now=began, expires_after_s=expires_after_s)
            for wanted, fan in fans.items()
            if wanted not in present
        ]
        self._write(missing, made_in=made_in)
        self._metrics.count("NotificationsAlreadyPresent", len(present))
        self._metrics.observe_ms("ChunkMs", (clock.now() - began) * 1000)
        ours = sum(made == made_in for made in present.values())  # of this very chunk, which was cut off
        written = len(missing) + ours
        return Advance(chunk.shard, chunk.cursor, written=written, skipped=len(present) - ours)

    def _write(self, missing: Sequence[Notification], *, made_in: int) -> None:
        """Put notifications; those not known to be written are looked for and put once more."""
        left = self._put(missing, made_in=made_in)
        if left:
            found = self._notifications.present(list(left))
            self._metrics.count("NotificationsCreated", len(found))  # written, though nobody said so
            left = self._put([left[each] for each in left if each not in found], made_in=made_in)
        if left:
            raise Retry(reason=f"{len(left)} of {len(missing)} notifications stayed unwritten")

    def _put(self, notifications: Sequence[Notification], *, made_in: int) -> Mapping[str, Notification]:
        left = set(self._notifications.put(notifications, made_in=made_in)) if notifications else set()
        self._metrics.count("NotificationsCreated", len(notifications) - len(left))
        return {each.notification_id: each for each in notifications if each.notification_id in left}


def chunked(  # noqa: PLR0913 - where a pass goes on, and how far it goes at once
    recipients: Recipients,
    sale_id: str,
    *,
    size: int,
    is_recipient: Callable[[Demand], bool],
    shard: int = 0,
    after: str | None = None,
) -> Iterator[Chunk]:
    """Cut a sale's fans into chunks of ``size`` who are to be told, from behind ``after`` in a shard on.

    A chunk also ends when it has looked at ten times as many fans; it may then be smaller, or empty.
    """
    held: list[Demand] = []
    looked_at = 0
    for at, fan in _fans(recipients, sale_id, shard=shard, after=after):
        looked_at += 1
        if is_recipient(fan):
            held.append(fan)
        if len(held) == size or looked_at == size * LOOKED_AT_PER_PLACE:
            yield Chunk(tuple(held), at, fan.user_id)
            held, looked_at = [], 0
    if held:
        yield Chunk(tuple(held), at, fan.user_id)


def _fans(
    recipients: Recipients, sale_id: str, *, shard: int, after: str | None
) -> Iterator[tuple[int, Demand]]:
    for at in range(shard, SHARDS):
        for fan in recipients.of(sale_id, shard=at, after=after if at == shard else None):
            yield at, fan
