"""The life of a notification: every way from one status to the next, in one table; no I/O."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from workers_dmnd.models import Status

PENDING, CREATED, RETRY, SENDING, SENT = (
    Status.PENDING,
    Status.CREATED,
    Status.RETRY,
    Status.SENDING,
    Status.SENT,
)
DELIVERED, FAILED, EXPIRED, SUPPRESSED = (
    Status.DELIVERED,
    Status.FAILED,
    Status.EXPIRED,
    Status.SUPPRESSED,
)


class Writer(StrEnum):
    """Who makes a transition."""

    GENERATOR = "notificationGenerator"
    SIGN_UP = "sign-up API"
    SCHEDULER = "notificationScheduler"
    SENDER = "notificationSend"
    RECEIPTS = "smsStatusConsumer"
    OPERATOR = "operator"


class Transition(Struct, frozen=True):
    """One row of the table: from where to where, whose it is, when it may happen and what it does.

    ``sources`` is empty where the notification comes into being; ``target`` None keeps the status.
    """

    number: str
    sources: tuple[Status, ...]
    target: Status | None
    writers: tuple[Writer, ...]
    guard: str
    effect: str


GENERATE: Final = Transition("1", (), PENDING, (Writer.GENERATOR,), "absent key", "attempts 0; due at sendAt")
SIGN_UP: Final = Transition(
    "2", (), CREATED, (Writer.SIGN_UP,), "type notification:asu", "to be claimed within 10 min"
)
RELEASE: Final = Transition(
    "3",
    (PENDING,),
    CREATED,
    (Writer.SCHEDULER,),
    "sendAt reached, no attempt so far, within budget and send window",
    "to be claimed within 10 min",
)
HOLD: Final = Transition(
    "3a", (PENDING,), PENDING, (Writer.SCHEDULER,), "outside the send window", "sendAt is its next opening"
)
RELEASE_AGAIN: Final = Transition(
    "4", (PENDING,), RETRY, (Writer.SCHEDULER,), "as 3, after an attempt", "to be claimed within 10 min"
)
SUPPRESS: Final = Transition(
    "5",
    (PENDING,),
    SUPPRESSED,
    (Writer.SCHEDULER,),
    "event suppressed or cancelled, sale cancelled, fan opted out",
    "final",
)
EXPIRE: Final = Transition(
    "6",
    (PENDING, CREATED, RETRY),
    EXPIRED,
    (Writer.SCHEDULER, Writer.SENDER),
    "expiresAt has passed",
    "final, but for 15",
)
CLAIM: Final = Transition(
    "7",
    (CREATED, RETRY),
    SENDING,
    (Writer.SENDER,),
    "nobody wrote since the change was made",
    "an attempt more, unless resumed; leased for 120 s",
)
PUT_OFF: Final = Transition(
    "8a",
    (CREATED, RETRY),
    PENDING,
    (Writer.SENDER,),
    "no turn, open circuit or near deadline",
    "due in 10 s; no attempt spent",
)
ACCEPT: Final = Transition(
    "8",
    (SENDING,),
    SENT,
    (Writer.SENDER,),
    "accepted, and still the same sending",
    "messageId and its pointer kept",
)
TRY_AGAIN: Final = Transition(
    "9",
    (SENDING,),
    PENDING,
    (Writer.SENDER,),
    "passing error, attempts left, still its lease",
    "due after 60 or 300 s",
)
GIVE_UP: Final = Transition(
    "10", (SENDING,), FAILED, (Writer.SENDER,), "lasting error, or no attempt left; still its lease", "final"
)
RESUME: Final = Transition(
    "11",
    (SENDING,),
    RETRY,
    (Writer.SCHEDULER,),
    "the lease has expired",
    "the same sending again, no attempt more",
)
NUDGE: Final = Transition(
    "11a",
    (CREATED, RETRY),
    None,
    (Writer.SCHEDULER,),
    "not claimed within 10 min",
    "written again, so that the stream brings it once more",
)
DELIVER: Final = Transition(
    "12", (SENT, SENDING), DELIVERED, (Writer.RECEIPTS, Writer.SENDER), "receipt: delivered", "final"
)
SEND_AGAIN: Final = Transition(
    "13",
    (SENT, SENDING),
    PENDING,
    (Writer.RECEIPTS, Writer.SENDER),
    "receipt of this epoch: undelivered for a passing reason, attempts left",
    "the next epoch; due after 60 or 300 s",
)
FAIL: Final = Transition(
    "14",
    (SENT, SENDING),
    FAILED,
    (Writer.RECEIPTS, Writer.SENDER),
    "receipt of this epoch: failed for good, or no attempt left",
    "final",
)
DELIVER_LATE: Final = Transition(
    "15",
    (PENDING, CREATED, RETRY, FAILED, EXPIRED),
    DELIVERED,
    (Writer.RECEIPTS, Writer.SENDER),
    "receipt of any attempt: delivered",
    "evidence wins, a pending attempt is cancelled",
)
REOPEN: Final = Transition(
    "16",
    (FAILED,),
    RETRY,
    (Writer.OPERATOR,),
    "a person asks for it",
    "attempts 0, the next epoch, expiresAt renewed",
)

TRANSITIONS: Final = (
    *(GENERATE, SIGN_UP, RELEASE, HOLD, RELEASE_AGAIN, SUPPRESS, EXPIRE, CLAIM, PUT_OFF, ACCEPT, TRY_AGAIN),
    *(GIVE_UP, RESUME, NUDGE, DELIVER, SEND_AGAIN, FAIL, DELIVER_LATE, REOPEN),
)
"""Every way there is; the README draws it."""

FINAL: Final = frozenset({DELIVERED, SUPPRESSED, EXPIRED, FAILED})
"""Where nothing is left to do; 15 and 16 lead out of some."""
