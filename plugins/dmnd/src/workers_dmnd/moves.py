"""A row of ``transitions`` as the one conditional write that it is; no I/O.

A ``Move`` says what is set and removed, and the guards under which it may happen: adapters turn it
into an UpdateItem, tests' fakes apply it to a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import Struct

from workers_dmnd import transitions as rows
from workers_dmnd.keys import due_index, lease_index
from workers_dmnd.models import LEGACY_CREATED, Notification, Pointer, Status
from workers_dmnd.policy import DAY_S, NotificationPolicy, instant
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

POINTER_KEPT_S: Final = 90 * DAY_S
INDEX: Final = ("GSI1PK", "GSI1SK")

Operator = Literal["=", "<", "<=", "in", "absent"]


class Guard(Struct, frozen=True):
    """What an attribute has to be for a move to be made; a dot leads into a map."""

    path: str
    operator: Operator
    value: Any = None

    @classmethod
    def same(cls, path: str, value: Any) -> Guard:
        """Ask that an attribute still is what was read, or still is not there."""
        return cls(path, "absent") if value is None else cls(path, "=", value)


class Move(Struct, frozen=True):
    """One conditional write to a notification; ``version`` grows with it."""

    transition: rows.Transition
    guards: tuple[Guard, ...]
    sets: Mapping[str, Any]
    removes: tuple[str, ...]


class Moves(Struct, frozen=True):
    """Makes moves at one time (``now``, epoch seconds), in one writer's name."""

    policy: NotificationPolicy
    now: float
    by: rows.Writer

    def release(self, notification: Notification) -> Move:
        """3 or 4: let it be sent."""
        row = rows.RELEASE_AGAIN if notification.attempts else rows.RELEASE
        guards = (Guard.same("version", notification.version), Guard("sendAt", "<=", self._at()))
        return self._move(notification, row, guards, sets=self._unclaimed(notification))

    def hold(self, notification: Notification, *, until: float) -> Move:
        """3a: wait for the send window to open."""
        due = self._due(notification, at=until)
        return self._move(notification, rows.HOLD, (Guard("sendAt", "=", notification.send_at),), sets=due)

    def suppress(self, notification: Notification, *, reason: str) -> Move:
        """5: never send it."""
        return self._end(notification, rows.SUPPRESS, (), reason=reason)

    def expire(self, notification: Notification) -> Move:
        """6: it is too late to send it; see ``is_expired``."""
        return self._end(notification, rows.EXPIRE, (Guard.same("expiresAt", notification.expires_at),))

    def is_expired(self, notification: Notification) -> bool:
        """Say whether it is too late to send a notification."""
        return self._ends_at(notification) < self.now

    def claim(self, notification: Notification) -> Move:
        """7: have it for a while, alone; only where it still is as the change says."""
        until = timestamp(self.now + self.policy.lease_seconds)
        taken = {
            "attempts": notification.attempts + (0 if notification.resume else 1),
            "epoch": notification.epoch,
            "clientMessageId": client_message_id(notification),
            "leaseUntil": until,
            **lease_index(notification.notification_id, until=until),
        }
        guards = (Guard.same("version", notification.version),)
        return self._move(notification, rows.CLAIM, guards, sets=taken, removes=("resume",))

    def put_off(self, notification: Notification, *, reason: str) -> Move:
        """8a: there is no turn for it now."""
        due = self._due(notification, at=self.now + self.policy.put_off_seconds)
        guards = (Guard.same("version", notification.version),)
        return self._move(notification, rows.PUT_OFF, guards, sets=due, reason=reason)

    def accept(self, claimed: Notification, *, message_id: str) -> Move:
        """8: the SMS service has it; goes together with ``pointer``."""
        guards = (Guard("clientMessageId", "=", claimed.client_message_id),)
        known = {"messageId": message_id, "sentAt": self._at()}
        return self._move(
            claimed, rows.ACCEPT, guards, sets=known, removes=(*INDEX, "leaseUntil", "lastError")
        )

    def fail_attempt(self, claimed: Notification, *, error: str, for_good: bool) -> Move:
        """9 or 10: the SMS service does not have it."""
        guards = (
            Guard("clientMessageId", "=", claimed.client_message_id),
            Guard("leaseUntil", "=", claimed.lease_until),  # who lost the lease has no say any more
        )
        if for_good or claimed.attempts >= self.policy.max_send_attempts:
            return self._end(claimed, rows.GIVE_UP, guards, reason=error, sets={"lastError": error})
        due = self._due(claimed, at=self.now + self.policy.backoff_s(claimed))
        return self._move(
            claimed,
            rows.TRY_AGAIN,
            guards,
            sets={**due, "lastError": error},
            removes=("leaseUntil",),
            reason=error,
        )

    def resume(self, notification: Notification) -> Move:
        """11: whoever had it is dead; the same sending goes on."""
        guards = (Guard("leaseUntil", "<", self._at()),)
        again = {"resume": True, **self._unclaimed(notification)}
        return self._move(notification, rows.RESUME, guards, sets=again, removes=("leaseUntil",))

    def nudge(self, notification: Notification) -> Move:
        """11a: have the stream bring it once more."""
        guards = (Guard.same("version", notification.version),)
        return self._move(notification, rows.NUDGE, guards, sets=self._unclaimed(notification))

    def deliver(self, notification: Notification, *, at: str, message_id: str) -> Move:
        """12 or 15: the fan has it."""
        row = rows.DELIVER if notification.status.id in rows.DELIVER.sources else rows.DELIVER_LATE
        known = {"deliveredAt": at, "messageId": message_id}
        return self._end(notification, row, (), sets=known)

    def fail_delivery(self, notification: Notification, *, error: str, for_good: bool) -> Move:
        """13 or 14: the fan will not get this sending."""
        guards = (Guard("epoch", "=", notification.epoch), Guard("attempts", "=", notification.attempts))
        if for_good or notification.attempts >= self.policy.max_send_attempts:
            return self._end(notification, rows.FAIL, guards, reason=error, sets={"lastError": error})
        due = self._due(notification, at=self.now + self.policy.backoff_s(notification))
        again = {**due, "epoch": notification.epoch + 1, "lastError": error}
        gone = ("leaseUntil", "resume", "messageId", "clientMessageId")
        return self._move(notification, rows.SEND_AGAIN, guards, sets=again, removes=gone, reason=error)

    def reopen(self, notification: Notification, *, reason: str) -> Move:
        """16: a person has it sent once more."""
        guards = (Guard("epoch", "=", notification.epoch),)
        anew = {
            "attempts": 0,
            "epoch": notification.epoch + 1,
            "expiresAt": timestamp(self.now + self.policy.expires_after_seconds),
            **self._unclaimed(notification),
        }
        gone = ("ttl", "resume", "messageId", "clientMessageId")
        return self._move(notification, rows.REOPEN, guards, sets=anew, removes=gone, reason=reason)

    def _move(  # noqa: PLR0913 - the parts of one write
        self,
        notification: Notification,
        row: rows.Transition,
        guards: tuple[Guard, ...],
        *,
        sets: Mapping[str, Any],
        removes: tuple[str, ...] = (),
        reason: str | None = None,
    ) -> Move:
        target = row.target or notification.status.id
        status = {"id": target.value, "at": self._at(), "by": self.by.value}
        if reason is not None:
            status["reason"] = reason
        return Move(
            transition=row,
            guards=(Guard("status.id", "in", spellings(row.sources)), *guards),
            sets={"status": status, "updatedAt": self._at(), **sets},
            removes=removes,
        )

    def _end(
        self,
        notification: Notification,
        row: rows.Transition,
        guards: tuple[Guard, ...],
        *,
        reason: str | None = None,
        sets: Mapping[str, Any] | None = None,
    ) -> Move:
        """Move to where nothing is left to do: no index holds it, and it may be forgotten some day."""
        kept_days = self.policy.retention_days
        forgotten = {} if kept_days is None else {"ttl": int(self.now) + kept_days * DAY_S}
        gone = (*INDEX, "leaseUntil", "resume")
        return self._move(
            notification, row, guards, sets={**(sets or {}), **forgotten}, removes=gone, reason=reason
        )

    def _at(self) -> str:
        return timestamp(self.now)

    def _ends_at(self, notification: Notification) -> float:
        if notification.expires_at is None:
            return instant(notification.send_at) + self.policy.expires_after_seconds
        return instant(notification.expires_at)

    def _due(self, notification: Notification, *, at: float) -> dict[str, Any]:
        """Have it wait for another time; where it only was to expire a while after this one, that stays."""
        send_at = timestamp(at)
        kept = {} if notification.expires_at else {"expiresAt": timestamp(self._ends_at(notification))}
        return {"sendAt": send_at, **kept, **due_index(notification.notification_id, send_at=send_at)}

    def _unclaimed(self, notification: Notification) -> dict[str, Any]:
        until = timestamp(self.now + self.policy.unclaimed_seconds)
        return lease_index(notification.notification_id, until=until)


def client_message_id(notification: Notification) -> str:
    """Name one sending of a notification, by which the SMS service knows a repeat."""
    return f"{notification.notification_id}:{notification.epoch}"


def sending_of(client_message_id: str) -> tuple[str, int] | None:
    """Read notification id and epoch from the name of a sending; None where it is none of ours."""
    notification_id, _, epoch = client_message_id.rpartition(":")
    return (notification_id, int(epoch)) if notification_id and epoch.isdecimal() else None


def pointer(claimed: Notification, *, message_id: str) -> Pointer:
    """Make what leads from a message of the SMS service back to the notification."""
    return Pointer(message_id, claimed.notification_id, client_message_id(claimed))


def moved(notification: Notification, move: Move) -> Notification:
    """Return the notification as it is after a move."""
    item = {**msgspec.to_builtins(notification), **move.sets, "version": (notification.version or 0) + 1}
    return msgspec.convert({name: item[name] for name in item if name not in move.removes}, Notification)


def spellings(statuses: Iterable[Status]) -> tuple[str, ...]:
    """List the words that stand for some statuses in the table, those of older writers too."""
    words = [word for status in statuses for word in (status.value, status.value.lower())]
    return (*words, LEGACY_CREATED) if Status.CREATED in statuses else tuple(words)
