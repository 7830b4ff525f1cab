"""Which of several receipts of one message says more; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime import Reject
from workers_dmnd.policy import instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers_dmnd.models import SmsStatus

RANKS: Final[Mapping[str, int]] = {"queued": 0, "sent": 1, "undelivered": 2, "failed": 3, "delivered": 4}
YEAR_10000: Final = 253_402_300_800
FIRST_MS: Final = 1e11  # as epoch seconds in the year 5138, as milliseconds in 1973


def weight(receipt: SmsStatus) -> tuple[int, float]:
    """Return what a receipt weighs: by its status first, then the later the more."""
    return RANKS[receipt.status], reported_at(receipt)


def reported_at(receipt: SmsStatus) -> float:
    """Return when the SMS service reported it (epoch seconds); Reject ``BAD_RECEIPT`` where it is no time.

    Numbers are epoch seconds, or milliseconds where they are too large for that.
    """
    said = receipt.timestamp
    try:
        at = instant(said, code="BAD_RECEIPT") if isinstance(said, str) else float(said)
    except OverflowError as error:
        raise Reject("BAD_RECEIPT", "its timestamp is neither ISO 8601 nor an epoch") from error
    if not isinstance(said, str) and at >= FIRST_MS:
        at /= 1000
    if not 0 <= at < YEAR_10000:
        raise Reject("BAD_RECEIPT", "its timestamp is no time of our calendar")
    return at
