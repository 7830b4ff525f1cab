"""What every asynchronous source has in common: AWS queues the event, and what is raised comes again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.errors import BatchFailed, DeclarationError, ReplyRefused
from worker_runtime.grants import Grant, spills
from worker_runtime.outcomes import Done, Failed, Family, Outcome, Rejected
from worker_runtime.sources import admitted, another_shape, check_names, check_range, redelivered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.effects import Effect
    from worker_runtime.records import Record

RETRIES: Final = (0, 2)  # PutFunctionEventInvokeConfig, MaximumRetryAttempts
AGE_S: Final = (60, 21_600)  # PutFunctionEventInvokeConfig, MaximumEventAgeInSeconds


class AsyncSource(Struct, frozen=True, kw_only=True, rename="camel"):
    """The settings of a function's asynchronous invocations, and what follows from them.

    Lambda tries an event that was raised ``retries`` times more, one and two minutes later, unless it
    is older than ``max_age_s`` then. What is rejected, and what Lambda gives up, goes to
    ``dead_letters``.
    """

    retries: int = 2
    max_age_s: int = 21_600
    dead_letters: str | None = None
    spill_bucket: str | None = None

    @property
    def kind(self) -> str:
        """Its name in manifests, logs and errors."""
        raise NotImplementedError

    @property
    def family(self) -> Family:
        """What is raised comes again, all else is done."""
        return Family.ASYNC

    @property
    def ordered(self) -> bool:
        """Events overtake one another."""
        return False

    @property
    def stops(self) -> bool:
        """One failed event holds back no other."""
        return False

    def check_settings(self, who: str) -> None:
        """Refuse settings that AWS refuses."""
        check_names(who, dead_letters=self.dead_letters, spill_bucket=self.spill_bucket)
        check_range(f"{who} retries", self.retries, *RETRIES)
        check_range(f"{who} max_age_s", self.max_age_s, *AGE_S)
        if self.dead_letters and self.dead_letters.endswith(".fifo"):
            raise DeclarationError(
                f"{who} dead_letters is FIFO; the destination of a failed invocation cannot be."
            )
        if self.spill_bucket and not self.dead_letters:
            raise DeclarationError(f"{who} has a spill_bucket and no dead_letters to fill it; name a queue.")

    def check_letters(self, who: str) -> None:
        """Refuse a source of events that do not come anyway without a place for what is rejected."""
        if self.dead_letters is None:
            raise DeclarationError(
                f"{who} has no dead_letters; what is rejected or given up would be lost. Name a queue."
            )

    def admit(self, record: Record[Any], outcome: Outcome) -> Outcome:  # noqa: ARG002 - events carry no counts
        """Turn a deferral, and a rejection without dead letters, into a Retry."""
        return admitted(self.family, outcome, dead_letters=self.dead_letters)

    def effects(
        self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, worker: str
    ) -> list[Effect]:
        """Dead letters of what is rejected; nothing where the event comes again."""
        if self.dead_letters is None or any(redelivered(self.family, outcome) for outcome in outcomes):
            return []
        from worker_runtime.dead_letters import Postbox, Reason, enveloped  # noqa: PLC0415 - seldom needed

        box = Postbox(queue=self.dead_letters, spill_bucket=self.spill_bucket)
        return [
            enveloped(at, record, reason=Reason.of(record, outcome, worker=worker, source=self.kind), to=box)
            for at, (record, outcome) in enumerate(zip(records, outcomes, strict=True))
            if isinstance(outcome, Rejected) and not outcome.written
        ]

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:  # noqa: ARG002 - ids mean nothing here
        """Return what the worker returned, as plain data; raise as itself what made it fail."""
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                raise outcome.error
            if redelivered(self.family, outcome):
                raise BatchFailed("it was not started; it has to come again")
        values = [outcome.value for outcome in outcomes if isinstance(outcome, Done)]
        return plain(values[0]) if len(values) == 1 else None

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:  # noqa: ARG002 - ids mean nothing here
        """Refuse any other reply: whoever reads it is to hear the worker itself, where it was asked."""
        if worded is not msgspec.UNSET and reply != worded:
            raise another_shape(reply, "the worker's")

    def grants(self) -> tuple[Grant, ...]:
        """Send dead letters, where it has any; being invoked takes no permission of the worker's own."""
        if self.dead_letters is None:
            return ()
        return (Grant("queue", self.dead_letters, ("sqs:SendMessage",)), *spills(self.spill_bucket))


def plain(value: Any) -> Any:
    """Turn what a worker returned into plain data: Structs, pydantic models and what they hold."""
    try:
        made = msgspec.to_builtins(value, str_keys=True, enc_hook=_dumped)
        if not isinstance(made, str | int | None):
            json.dumps(made, allow_nan=False)  # Lambda's client would post NaN, which is no JSON
    except (TypeError, ValueError, RecursionError) as error:
        raise ReplyRefused(
            f"the worker returned a {type(value).__name__} that is no JSON: {error}"
        ) from error
    return made


def _dumped(value: Any) -> Any:
    """Dump a pydantic model, which only its users import."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"a {type(value).__name__} has no form in JSON")
