"""What has to happen before a reply leaves: messages sent, visibility changed.

Sources list effects from outcomes; ``perform`` does them and turns what failed into a Retry.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from worker_runtime.outcomes import Failed, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker_runtime.clients.sqs import Message
    from worker_runtime.outcomes import Outcome

_log = logging.getLogger(__name__)


class Spill(Struct, frozen=True):
    """What is too large for a message, and the bucket (logical name) and key it goes to."""

    bucket: str
    key: str
    data: bytes


class Send(Struct, frozen=True):
    """Send ``message`` to the queue of logical name ``queue``, for the record at position ``at``."""

    at: int
    queue: str
    message: Message
    spill: Spill | None = None


class ChangeVisibility(Struct, frozen=True):
    """Hide the message at position ``at`` for ``timeout_s`` seconds from now."""

    at: int
    queue: str
    receipt_handle: str
    timeout_s: int


class Refuse(Struct, frozen=True):
    """The outcome at position ``at`` cannot be carried out; the record is a Retry."""

    at: int
    error: Exception


Effect = Send | ChangeVisibility | Refuse


class Sender(Protocol):
    """Carries out effects. It names queues and buckets logically and returns errors, by position.

    Whatever it raises all the same is raised to Lambda: the batch comes again, nothing is lost.
    """

    def send(self, queue: str, messages: Sequence[Message]) -> Sequence[Exception | None]:
        """Send messages; an error stands where one was not taken."""

    def change_visibility(self, queue: str, changes: Sequence[tuple[str, int]]) -> Sequence[Exception | None]:
        """Change visibility by (receipt handle, seconds); an error stands where one failed."""

    def spill(self, spill: Spill) -> Exception | None:
        """Store what is too large for a message."""


def perform(effects: Iterable[Effect], outcomes: list[Outcome], *, sender: Sender) -> None:
    """Carry out the effects queue by queue; a record whose effect failed becomes a Retry.

    A visibility that could not be changed costs nothing: the queue's own timeout decides then.
    """
    sends: dict[str, list[Send]] = {}
    hides: dict[str, list[ChangeVisibility]] = {}
    for effect in effects:
        match effect:
            case Refuse():
                outcomes[effect.at] = Failed(effect.error)
            case Send(spill=Spill() as spill) if error := sender.spill(spill):
                outcomes[effect.at] = Failed(error)
            case Send():
                sends.setdefault(effect.queue, []).append(effect)
            case ChangeVisibility():
                hides.setdefault(effect.queue, []).append(effect)
    for queue, wanted in sends.items():
        _send(queue, wanted, outcomes, sender)
    for queue, changes in hides.items():
        results = sender.change_visibility(queue, [(c.receipt_handle, c.timeout_s) for c in changes])
        if errors := [error for error in results if error is not None]:
            _log.warning(
                "visibility of %d on %s not changed, the queue's timeout decides: %s",
                len(errors),
                queue,
                errors[0],
            )


def _send(queue: str, wanted: Sequence[Send], outcomes: list[Outcome], sender: Sender) -> None:
    errors = sender.send(queue, [effect.message for effect in wanted])
    for effect, error in zip(wanted, errors, strict=True):
        outcome = outcomes[effect.at]
        if error is not None:
            outcomes[effect.at] = Failed(error)
        elif isinstance(outcome, Rejected):
            outcomes[effect.at] = replace(outcome, written=True)
