"""What can befall one invocation on a stage where things go wrong on purpose, in the words of Lambda.

Between ``Delivery``, which asks whether something befalls, and the function.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

from worker_runtime.local.stage.execution import answers
from worker_runtime.local.stage.execution.answers import Reply, Throttled
from worker_runtime.local.stage.execution.invocations import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    R = TypeVar("R")

Kind = Literal["throttle", "early crash", "late crash", "lost reply", "malformed reply"]

_BEFORE: Final = frozenset(("throttle", "early crash"))
"""What leaves the function unasked."""

MALFORMED: Final = (
    b'{"batchItemFailures":[{"itemIdentifier":"nobody\'s"}]}',
    b'{"batchItemFailures":[{"itemIdentifier":""}]}',
    b'{"batchItemFailures":[{"itemIdentifier":null}]}',
    b'{"batchItemFailures":[{"itemIdentifer":"misspelt"}]}',
)
"""Replies for which Lambda was recorded to deliver the whole batch again."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """What befalls an invocation; ``reply`` is what becomes of its own, where that is malformed."""

    kind: Kind
    reply: bytes = b""


class Mischief(Protocol):
    """Decides what goes wrong between Lambda and one worker after another."""

    def repeats(self, worker_id: str) -> bool:
        """Whether the batch that just went well is delivered once more."""

    def befalls(self, worker_id: str, *, bearable: bool, listed: bool) -> Mishap | None:
        """Decide what befalls the invocation that is about to begin.

        ``bearable`` says that a try may be spent, ``listed`` that Lambda reads its reply for failed items.
        """

    def late_by_s(self, worker_id: str) -> float:
        """Tell for how many of the stage's seconds a batch that was taken is not handed over yet."""

    def overtaken_for_s(self, worker_id: str) -> float:
        """Tell for how many of the stage's seconds others may overtake an event that promises no order."""

    def mixed(self, worker_id: str, records: Sequence[R]) -> list[R]:
        """Put records that promise no order into another."""


class NoMischief:
    """All goes well."""

    def repeats(self, worker_id: str) -> bool:  # noqa: ARG002 - the protocol's
        """Deliver nothing twice."""
        return False

    def befalls(self, worker_id: str, *, bearable: bool, listed: bool) -> Mishap | None:  # noqa: ARG002 - the protocol's
        """Let each invocation be."""
        return None

    def late_by_s(self, worker_id: str) -> float:  # noqa: ARG002 - the protocol's
        """Hold nothing up."""
        return 0.0

    def overtaken_for_s(self, worker_id: str) -> float:  # noqa: ARG002 - the protocol's
        """Hold nothing up."""
        return 0.0

    def mixed(self, worker_id: str, records: Sequence[R]) -> list[R]:  # noqa: ARG002 - the protocol's
        """Leave them as they are."""
        return list(records)


def befallen(  # noqa: PLR0913 - the invocation, and what may be done to it
    mishap: Mishap,
    *,
    request_id: str,
    timeout_s: float,
    invoke: Callable[[], Report],
    kill_idle: Callable[[], object],
    strike: Callable[[], object],
) -> Report:
    """Invoke a function, or not, and report what Lambda hears of it.

    ``strike`` is called where the mishap is what changed it.

    A worker that fails by itself says so: a reply that is none can be neither lost nor malformed.
    """
    if mishap.kind in _BEFORE:
        strike()
    if mishap.kind == "throttle":
        return Report(request_id=request_id, answer=Throttled())
    dies = answers.crashed(request_id, exit_code=answers.KILLED, started=True)
    if mishap.kind == "early crash":
        kill_idle()  # the next invocation finds no warm process
        return Report(request_id=request_id, answer=dies)
    report = invoke()
    if not isinstance(report.answer, Reply):
        return report
    strike()
    match mishap.kind:
        case "malformed reply":
            return replace(report, answer=Reply(mishap.reply))
        case "lost reply":
            return replace(report, answer=answers.timed_out(request_id, timeout_s=timeout_s))
    kill_idle()
    return replace(report, answer=dies)
