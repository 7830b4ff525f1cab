"""What became of each record, and what that means to each family of event sources.

The pipeline makes outcomes; sources read ``VERDICTS`` to turn them into effects and a reply.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime.errors import Defer, Halt, Reject, Retry, Skip

if TYPE_CHECKING:
    from collections.abc import Mapping

HALT_VISIBILITY_S: Final = 900
"""How long a queue keeps back what a Halt left undone: long enough for a person to act."""


class Done(Struct, frozen=True):
    """The worker returned."""

    value: object = None


class Skipped(Struct, frozen=True):
    """The worker found nothing to do."""

    reason: str


class Failed(Struct, frozen=True):
    """The record has to be delivered again."""

    error: BaseException
    after_s: float | None = None
    halted: bool = False


class Deferred(Struct, frozen=True):
    """The record is to come again later without having been tried."""

    error: BaseException
    after_s: float


class Rejected(Struct, frozen=True):
    """The record belongs to the dead letters; ``written`` once it is there."""

    code: str
    error: BaseException
    written: bool = False


class Unstarted(Struct, frozen=True):
    """The worker never saw the record."""

    reason: str


Outcome = Done | Skipped | Failed | Deferred | Rejected | Unstarted

DONE: Final = Done()


class Family(StrEnum):
    """Event sources that treat a verdict alike."""

    SQS = "sqs"
    FIFO = "sqs_fifo"
    STREAM = "stream"
    KAFKA = "kafka"
    ASYNC = "async"
    APPSYNC = "appsync"
    HTTP = "http"
    INVOKE = "invoke"
    FIREHOSE = "firehose"


class Action(StrEnum):
    """What happens to a record because of its outcome."""

    ACKNOWLEDGE = "acknowledge"
    REDELIVER = "redeliver"
    RESEND = "send again with the delay, then acknowledge"
    DEAD_LETTER = "dead-letter, then acknowledge"
    ANSWER = "told to the caller, in the reply"


_ALL: Final = (Done, Skipped, Failed, Deferred, Rejected, Unstarted)

VERDICTS: Final[Mapping[Family, Mapping[type[Outcome], Action]]] = {
    Family.SQS: {
        Done: Action.ACKNOWLEDGE,
        Skipped: Action.ACKNOWLEDGE,
        Failed: Action.REDELIVER,
        Deferred: Action.RESEND,
        Rejected: Action.DEAD_LETTER,
        Unstarted: Action.REDELIVER,
    },
    Family.FIFO: {
        Done: Action.ACKNOWLEDGE,
        Skipped: Action.ACKNOWLEDGE,
        Failed: Action.REDELIVER,
        Deferred: Action.REDELIVER,  # a copy sent later would be overtaken by its group
        Rejected: Action.DEAD_LETTER,
        Unstarted: Action.REDELIVER,
    },
    Family.STREAM: {
        Done: Action.ACKNOWLEDGE,
        Skipped: Action.ACKNOWLEDGE,
        Failed: Action.REDELIVER,
        Deferred: Action.REDELIVER,
        Rejected: Action.DEAD_LETTER,
        Unstarted: Action.REDELIVER,
    },
    Family.KAFKA: {  # redelivered is listed with all behind it in its partition, or raised
        Done: Action.ACKNOWLEDGE,
        Skipped: Action.ACKNOWLEDGE,
        Failed: Action.REDELIVER,
        Deferred: Action.REDELIVER,
        Rejected: Action.DEAD_LETTER,
        Unstarted: Action.REDELIVER,
    },
    Family.ASYNC: {  # acknowledged is returned, redelivered is raised
        Done: Action.ACKNOWLEDGE,
        Skipped: Action.ACKNOWLEDGE,
        Failed: Action.REDELIVER,
        Deferred: Action.REDELIVER,
        Rejected: Action.DEAD_LETTER,
        Unstarted: Action.REDELIVER,
    },
    Family.APPSYNC: dict.fromkeys(_ALL, Action.ANSWER),
    Family.HTTP: dict.fromkeys(_ALL, Action.ANSWER),
    Family.INVOKE: {  # redelivered is raised, under the error's class name: whoever calls decides
        Done: Action.ANSWER,
        Skipped: Action.ANSWER,
        Failed: Action.REDELIVER,
        Deferred: Action.REDELIVER,
        Rejected: Action.REDELIVER,
        Unstarted: Action.REDELIVER,
    },
    Family.FIREHOSE: dict.fromkeys(_ALL, Action.ANSWER),  # a Halt is raised
}


def answers(family: Family) -> bool:
    """Whether somebody waits for what a worker returns."""
    return VERDICTS[family][Done] is Action.ANSWER


def outcome_of(error: Exception) -> Outcome:
    """Classify what a worker raised; anything that is not a verdict is a Retry."""
    match error:
        case Skip(reason=reason):
            return Skipped(reason)
        case Retry(after_s=after_s):
            return Failed(error, after_s)
        case Defer(after_s=after_s):
            return Deferred(error, after_s)
        case Reject(code=code):
            return Rejected(code, error)
        case Halt():
            return Failed(error, HALT_VISIBILITY_S, halted=True)
        case _:
            return Failed(error)
