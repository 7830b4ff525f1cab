"""What becomes of each fan: how their phone and the SMS service behave, and how that has to end."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from workers_dmnd.models import Status


class Story(StrEnum):
    """One fan's story, in the words of the demo's table; see ``ENDINGS`` and ``phones``."""

    DELIVERED = "delivered"
    EARLY_RECEIPT = "delivered, receipt before the answer"
    LATE_RECEIPT = "delivered, receipt minutes late"
    RECEIPT_TWICE = "delivered, receipt twice"
    SHUFFLED_RECEIPTS = "delivered, receipts out of order"
    LOST_ANSWER = "delivered, answer lost on the way"
    SECOND_SENDING = "delivered by the second sending"
    NEVER_REACHED = "failed: phone never reached"
    FAILED_FOR_GOOD = "failed: carrier gave up"
    INVALID_NUMBER = "failed: no such number"
    BARRED = "failed: opted out at the carrier"
    SERVICE_FAILS = "failed: SMS service down for good"
    NO_TEXT = "failed: text lacks a word"
    OPTED_OUT = "left out: opted out"
    NOT_ASKED = "left out: never asked"
    NO_PHONE = "left out: no phone"
    NOT_TOLD = "left out: nothing to tell"

    @property
    def due(self) -> Due:
        """How it has to end."""
        return ENDINGS[self]


class Due(Struct, frozen=True):
    """The notification's last status (None where there is none), why, and how many SMS were accepted."""

    status: Status | None
    reason: str | None = None
    fewest: int = 0
    most: int = 0


ENDINGS: Final = {
    Story.DELIVERED: Due(Status.DELIVERED, None, 1, 1),
    Story.EARLY_RECEIPT: Due(Status.DELIVERED, None, 1, 1),
    Story.LATE_RECEIPT: Due(Status.DELIVERED, None, 1, 1),
    Story.RECEIPT_TWICE: Due(Status.DELIVERED, None, 1, 1),
    Story.SHUFFLED_RECEIPTS: Due(Status.DELIVERED, None, 1, 1),
    Story.LOST_ANSWER: Due(Status.DELIVERED, None, 1, 1),
    Story.SECOND_SENDING: Due(Status.DELIVERED, None, 2, 2),
    Story.NEVER_REACHED: Due(Status.FAILED, "30003", 1, 3),
    Story.FAILED_FOR_GOOD: Due(Status.FAILED, "30005", 1, 1),
    Story.INVALID_NUMBER: Due(Status.FAILED, "INVALID_NUMBER"),
    Story.BARRED: Due(Status.FAILED, "OPTED_OUT"),
    Story.SERVICE_FAILS: Due(Status.FAILED),
    Story.NO_TEXT: Due(Status.FAILED, "TEMPLATE_ERROR"),
    Story.OPTED_OUT: Due(None),
    Story.NOT_ASKED: Due(None),
    Story.NO_PHONE: Due(None),
    Story.NOT_TOLD: Due(None),
}

RECEIPTS: Final = (
    Story.EARLY_RECEIPT,
    Story.LATE_RECEIPT,
    Story.RECEIPT_TWICE,
    Story.SHUFFLED_RECEIPTS,
    Story.LOST_ANSWER,
    Story.SECOND_SENDING,
)
FAILURES: Final = (
    Story.NEVER_REACHED,
    Story.FAILED_FOR_GOOD,
    Story.INVALID_NUMBER,
    Story.BARRED,
    Story.SERVICE_FAILS,
)
LEFT_OUT: Final = (Story.OPTED_OUT, Story.NOT_ASKED, Story.NO_PHONE)
