"""What the SMS service's stand-in will say of a message that it took: its delivery receipts, planned ahead.

Which receipts come, when, in which order and with which times is a ``Plan``; ``postman`` delivers them.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_S: Final = 3600.0
UNREACHABLE: Final = "30003"
"""The carrier's code for a phone that is off: another sending may reach it."""
UNKNOWN_NUMBER: Final = "30005"
"""The carrier's code for a number that nobody has."""


class Receipt(Struct, frozen=True, kw_only=True):
    """One receipt: pushed ``after_s`` the message was taken, about what happened ``since_s`` it was taken.

    ``first`` pushes it before the request for the message is answered; ``is_stray`` makes it one of
    a message that nobody sent.
    """

    status: str
    after_s: float
    since_s: float | None = None
    error_code: str | None = None
    first: bool = False
    is_stray: bool = False


class Plan(Struct, frozen=True):
    """The receipts of one message; ``names_sending`` says whether they carry its clientMessageId.

    None lets half of the messages have receipts that do, and the others' found by their messageId.
    """

    receipts: tuple[Receipt, ...]
    names_sending: bool | None = None


_SENT: Final = Receipt(status="sent", after_s=1)
_DELIVERED: Final = Receipt(status="delivered", after_s=4)

DELIVERED: Final = Plan((_SENT, _DELIVERED))
LATE: Final = Plan((_SENT, Receipt(status="delivered", after_s=300)))
TWICE: Final = Plan((_SENT, _DELIVERED, Receipt(status="delivered", after_s=7, since_s=4)))
OUT_OF_ORDER: Final = Plan(
    (
        Receipt(status="delivered", after_s=2, since_s=2),
        Receipt(status="sent", after_s=4, since_s=1),
        Receipt(status="queued", after_s=6, since_s=0),
    )
)
BEFORE_THE_ANSWER: Final = Plan((Receipt(status="delivered", after_s=0, first=True),), names_sending=False)
UNDELIVERED: Final = Plan((_SENT, Receipt(status="undelivered", after_s=5, error_code=UNREACHABLE)))
FAILED: Final = Plan((_SENT, Receipt(status="failed", after_s=5, error_code=UNKNOWN_NUMBER)))
NONE: Final = Plan(())
STRAY_TOO: Final = Plan(
    (_SENT, _DELIVERED, Receipt(status="delivered", after_s=2, since_s=-HOUR_S, is_stray=True)),
    names_sending=True,
)


class Report(Struct, frozen=True):
    """A receipt as it goes out: when, and what the status stream gets to read."""

    at: float
    message_id: str
    body: dict[str, Any]


def reports(plan: Plan, *, message_id: str, client_message_id: str, taken_at: float) -> Iterator[Report]:
    """Write the receipts of a message that was taken at ``taken_at`` (epoch seconds)."""
    names_sending = plan.names_sending
    if names_sending is None:
        names_sending = bool(_digest(message_id)[0] % 2)
    for receipt in plan.receipts:
        of = stray_id(message_id) if receipt.is_stray else message_id
        since_s = receipt.after_s if receipt.since_s is None else receipt.since_s
        body = {"messageId": of, "status": receipt.status, "timestamp": timestamp(taken_at + since_s)}
        if receipt.error_code is not None:
            body["errorCode"] = receipt.error_code
        if names_sending and not receipt.is_stray:
            body["clientMessageId"] = client_message_id
        at = taken_at if receipt.first else taken_at + receipt.after_s
        yield Report(at, of, body)


def stray_id(message_id: str) -> str:
    """Make up the id of a message that nobody sent."""
    return f"SM{_digest(f'stray {message_id}').hex()[:32]}"


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
