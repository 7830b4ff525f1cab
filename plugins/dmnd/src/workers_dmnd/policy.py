"""What is assumed of notifications, in one replaceable place [A8, A11, A12, A13]; no I/O.

Its values are the settings under ``notification``.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from worker_runtime import Reject, Settings

if TYPE_CHECKING:
    from workers_dmnd.models import Notification

Positive = Annotated[int, Meta(ge=1)]
Hour = Annotated[int, Meta(ge=0, le=24)]

TRANSACTIONAL: Final = "notification:asu"  # [A8] a sign-up's confirmation, which waits for no hour
JITTER: Final = 0.2
DAY_S: Final = 86_400


class SendWindow(Settings, frozen=True):
    """The hours of the day, where the event is, in which fans may be woken [A11]."""

    opens: Hour = 9
    closes: Hour = 21


class NotificationPolicy(Settings, frozen=True):
    """How notifications are generated, released, sent and tried again.

    ``backoff`` is the seconds before the second and the third attempt, ``lease_seconds`` how long one
    sender has a notification, ``unclaimed_seconds`` how long a released one may stay unclaimed,
    ``max_per_tick`` how many the scheduler releases a minute (at most 60 times ``sms_per_second``),
    ``max_body_septets`` how long a text may be [A12], counted in characters of GSM-7.
    """

    max_send_attempts: Positive = 3
    backoff: tuple[Positive, ...] = (60, 300)
    lease_seconds: Positive = 120
    unclaimed_seconds: Positive = 600
    put_off_seconds: Positive = 10
    expires_after_seconds: Positive = DAY_S
    retention_days: Positive | None = None
    retryable_codes: tuple[str, ...] = ("30001", "30003", "timeout", "carrier_busy")
    send_window: SendWindow = SendWindow()
    max_per_tick: Positive = 2_000
    sms_per_second: Positive = 50
    max_body_septets: Positive = 480
    chunk_size: Positive = 5_000
    regenerate_every_seconds: Positive = 3_600

    def __post_init__(self) -> None:
        if self.max_per_tick > self.sms_per_second * 60:
            raise ValueError(
                "notification.maxPerTick is above smsPerSecond x 60; lower it or raise the other"
            )
        if len(self.backoff) < self.max_send_attempts - 1:
            raise ValueError("notification.backoff needs a number for each attempt after the first")
        if self.send_window.opens >= self.send_window.closes:
            raise ValueError("notification.sendWindow opens before it closes")

    def backoff_s(self, notification: Notification) -> float:
        """Return the seconds before the next attempt, 20 % more or less by the notification's id."""
        wait_s = self.backoff[min(max(notification.attempts, 1), len(self.backoff)) - 1]
        seed = f"{notification.notification_id}:{notification.epoch}:{notification.attempts}"
        spread = int.from_bytes(sha256(seed.encode()).digest()[:4]) / 0xFFFF_FFFF  # the same at each look
        return wait_s * (1 - JITTER + 2 * JITTER * spread)

    def is_retryable(self, error_code: str | None) -> bool:
        """Say whether another attempt may deliver what failed with this code [A13]."""
        return error_code in self.retryable_codes

    def opens_at(self, now: float, *, timezone: str | None) -> float | None:
        """Return when the send window opens next (epoch seconds); None while it is open."""
        here = datetime.fromtimestamp(now, tz=zone_of(timezone))
        opens, closes = self.send_window.opens, self.send_window.closes
        if opens <= here.hour < closes:
            return None
        day = here.date() if here.hour < opens else here.date() + timedelta(days=1)
        return datetime.combine(day, time(opens), tzinfo=here.tzinfo).timestamp()


def zone_of(timezone: str | None) -> ZoneInfo:
    """Return a time zone by its name; UTC where it is missing or unknown."""
    try:
        return ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def instant(text: str, *, code: str = "BAD_TIME") -> float:
    """Read a time of the table (ISO 8601, UTC where it says nothing else) as epoch seconds.

    What is none is Reject ``code``: an item that nobody can read is the same poison in any of its fields.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise Reject(code, "a time is not in ISO 8601") from error
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
