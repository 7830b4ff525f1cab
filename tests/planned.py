"""A worker whose records say how each try of theirs ends, and threads that take turns without waiting.

What tests of the pollers' invariants share: ``test_pollers_machine.py`` and the worlds beside it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError
from hypothesis import strategies as st

from listed import ORIGIN
from worker_runtime.local.stage.execution.answers import (
    Failure,
    FunctionError,
    Reply,
    Throttled,
    crashed,
    timed_out,
)
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.mischief import KINDS
from worker_runtime.local.stage.parts.part import PartBroken
from worker_runtime.local.stage.threads.jumping_clock import JumpingClock
from worker_runtime.local.stage.threads.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.threads.threads import Thread

Verdict = Literal["done", "fail", "raise", "time out", "malformed"]

SPEED = 60.0
STORY_S = 300.0  # enough for what fails for ever to be given up

verdicts = st.sampled_from(["done", "fail", "fail", "raise", "time out", "malformed"])
anything = st.tuples(st.lists(verdicts, max_size=3), st.sampled_from(["done", "done", "fail", "raise"]))
listed = st.tuples(
    st.lists(st.sampled_from(["done", "fail"]), max_size=2), st.sampled_from(["done", "done", "fail"])
)
plans = st.lists(anything, min_size=1, max_size=6) | st.lists(listed, min_size=1, max_size=6)
"""Those of records that are sent together; what is ``listed`` fails by replies alone."""

faults = st.sets(st.sampled_from([*KINDS, "duplicate", "delay", "reorder"]))


def refusal(code: str = "ServiceUnavailable") -> ClientError:
    """Word an error of AWS."""
    return ClientError({"Error": {"Code": code, "Message": "staged"}}, "any")


@dataclass(frozen=True, slots=True)
class Plan:
    """How the first tries of a record end, and how all others do."""

    first: tuple[Verdict, ...] = ()
    then: Verdict = "done"

    @classmethod
    def of(cls, drawn: tuple[list[Verdict], Verdict]) -> Plan:
        return cls(tuple(drawn[0]), drawn[1])

    def verdict(self, nth: int) -> Verdict:
        return self.first[nth] if nth < len(self.first) else self.then


class QuickClock(JumpingClock):
    """Jumps without waiting: nobody stamps anything with the machine's time."""

    def jump(self, to: float) -> None:
        self._at = max(self._at, to)

    def shown_at(self, machine_s: float) -> float:  # noqa: ARG002 - see above
        return self._at


class QuickTurns(Turns):
    """Turns on a quick clock."""

    def __init__(self) -> None:
        super().__init__(speed=SPEED, origin=ORIGIN)
        self.clock = QuickClock(SPEED, origin=ORIGIN, wait=self._sleep)
        self.failures: list[BaseException] = []

    def thread(self, target: Callable[[], None], *, name: str) -> Thread:
        """Make a thread whose failure a test sees."""

        def run() -> None:
            try:
                target()
            except BaseException as error:
                self.failures.append(error)
                raise

        return super().thread(run, name=name)


class PlannedFunction:
    """Stands where an executor would; an invocation takes time, and each record ends as planned."""

    def __init__(self, clock: Clock, *, ids_of: Callable[[Any], Sequence[str]]) -> None:
        self.plans: dict[str, Plan] = {}
        self.takes_s = 8.0
        self.throttled = 0
        self.healed = False  # from then on everything goes well
        self._clock = clock
        self._ids_of = ids_of
        self._tries: Counter[str] = Counter()

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        if self.throttled:
            self.throttled -= 1
            return Report(request_id=request_id or "", answer=Throttled())
        ids = self._ids_of(json.loads(event))
        verdicts = {each: self._verdict(each) for each in ids}
        self._clock.sleep(self.takes_s)
        return Report(request_id=request_id or "", answer=_answer(verdicts, request_id or ""))

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return None

    def stop(self) -> None:
        pass

    def _verdict(self, record: str) -> Verdict:
        self._tries[record] += 1
        return "done" if self.healed else self.plans[record].verdict(self._tries[record] - 1)


class Mortal:
    """What a poller of one life asks; once it is dead nothing of it has an effect any more."""

    def __init__(self, real: Any, *, of_itself: Sequence[str] = ()) -> None:
        """Let all calls fail that the other side answers, not those that it knows ``of_itself``."""
        self._real = real
        self._of_itself = of_itself
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        if self.dead and name not in self._of_itself:
            raise refusal()
        return getattr(self._real, name)


class MortalFunction:
    """A function that ends before its time, or of which a killed stage hears nothing any more."""

    def __init__(self, function: PlannedFunction) -> None:
        self._function = function
        self.dead = False
        self.cut_short = False

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        report = self._function.invoke(event, request_id=request_id)
        if self.dead:
            raise PartBroken("killed meanwhile")
        if self.cut_short:
            return replace(report, answer=crashed(report.request_id, exit_code=-15, started=True))
        return report

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return None

    def stop(self) -> None:
        pass


class Broken:
    """AWS whose next calls fail, before they have had their effect or after."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._before: Counter[str] = Counter()
        self._after: Counter[str] = Counter()

    def fail_next(self, call: str, times: int, *, after: bool = False) -> None:
        (self._after if after else self._before)[call] += times

    def mend(self) -> None:
        self._before.clear()
        self._after.clear()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if self._before[name]:
                self._before[name] -= 1
                raise refusal()
            answer = getattr(self._real, name)(*given, **named)
            if self._after[name]:
                self._after[name] -= 1
                raise refusal()
            return answer

        return call


def read_by_hand(answer: Answer, ids: Sequence[str]) -> set[str] | None:
    """Tell which records Lambda takes for failed; None stands for the whole batch."""
    if isinstance(answer, Failure):
        return None
    reply = answer.value or {}
    failed = [item.get("itemIdentifier") for item in reply.get("batchItemFailures", [])]
    return set(failed) if set(failed) <= set(ids) else None


def _answer(verdicts: Mapping[str, Verdict], request_id: str) -> Answer:
    given = set(verdicts.values())
    if "raise" in given:
        return FunctionError(error_type="Slip", message="as planned")
    if "time out" in given:
        return timed_out(request_id, timeout_s=3)
    if "malformed" in given:
        return Reply(b'{"batchItemFailures":[{"itemIdentifier":""}]}')
    failed = [{"itemIdentifier": each} for each, verdict in verdicts.items() if verdict == "fail"]
    return Reply(json.dumps({"batchItemFailures": failed}).encode())
