"""The SMS service in memory, as its contract has it: one message for each sending, whatever it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime import Halt, Reject, Retry, clock
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers_dmnd.models import Notification

ANSWERS: Final = (
    *("accepts", "loses its answer", "refuses for now", "refuses for good", "lets nobody in"),
    *("is out of reach", "has no turn", "has no time"),
)
REPORTS: Final = (
    *(("delivered", None), ("undelivered", "30001"), ("failed", "30005")),
    *(("undelivered", "unknown"), ("queued", None), ("sent", None)),
)


class SmsService:
    """Serves ``Sms``, ``SendRate`` and ``Texts``; ``accepted`` is message ids by the names of sendings.

    ``answered`` is the message ids that it told, in order, ``known`` those that were heard for certain.
    ``names_sendings`` says whether its receipts name our sendings, or its own messages only.
    """

    def __init__(self, *, names_sendings: bool) -> None:
        self.answer = "accepts"
        self.before_call: Callable[[], None] | None = None
        self.accepted: dict[str, str] = {}
        self.answered: list[str] = []
        self.known: set[str] = set()
        self._said: dict[str, set[str]] = {}
        self._names_sendings = names_sendings

    def is_reachable(self) -> bool:
        """Say whether it answers."""
        return self.answer != "is out of reach"

    def take(self, *, within_s: float) -> bool:
        """Take a turn to send."""
        return self.answer != "has no turn" and within_s > 0

    def text(self, notification: Notification) -> str:
        """Say the same to all."""
        return f"Tickets for {notification.vars['eventName']}"

    def send(self, notification: Notification, *, client_message_id: str, body: str) -> str:
        """Accept a sending, once for all calls with its name."""
        assert notification.to
        assert body
        if self.before_call is not None:
            self.before_call()
        match self.answer:
            case "refuses for now":
                raise Retry(reason="sms: 503")
            case "refuses for good":
                raise Reject("INVALID_NUMBER")
            case "lets nobody in":
                raise Halt("sms: 403")
        message_id = self.accepted.setdefault(client_message_id, f"m{len(self.accepted)}")
        if self.answer == "loses its answer":
            raise Retry(reason="sms: no answer")
        self.answered.append(message_id)
        return message_id

    def said_of(self, client_message_id: str) -> set[str]:
        """Return all that was reported of a sending."""
        return self._said.get(client_message_id, set())

    def report(self, which: int) -> dict[str, Any] | None:
        """Report something of a message that was accepted; None where there is none."""
        if not self.accepted:
            return None
        sendings = [*reversed(self.accepted)]  # the latest first
        sending = sendings[which // len(REPORTS) % len(sendings)]
        status, code = REPORTS[which % len(REPORTS)]
        receipt = {"messageId": self.accepted[sending], "status": status, "timestamp": timestamp(clock.now())}
        named = {"clientMessageId": sending} if self._names_sendings else {}
        self._said.setdefault(sending, set()).add(status)
        return {**receipt, **named, **({"errorCode": code} if code else {})}
