"""What goes wrong between Lambda and its workers on purpose: when, to whom, and what Lambda hears of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staged import WAIT_S, WORKER, ScriptedFunction
from worker_runtime.local.stage.accidents import FAULTS
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import (
    Crashed,
    FunctionError,
    Reply,
    Throttled,
    TimedOut,
    crashed,
)
from worker_runtime.local.stage.lineage.happenings import Ended, EventHandedOver, HandedOver, Struck
from worker_runtime.local.stage.mischief import KINDS, SeededMischief
from worker_runtime.local.stage.polling.batches import BatchFailed, read_reply
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.mishap import MALFORMED, Mishap, NoMischief
from worker_runtime.local.stage.polling.staged_records import staged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

    R = TypeVar("R")

MANY = 200


class Always(NoMischief):
    """Lets the same befall every invocation that can bear it."""

    def __init__(self, mishap: Mishap) -> None:
        self._mishap = mishap

    def befalls(self, worker_id: str, *, bearable: bool, listed: bool) -> Mishap | None:  # noqa: ARG002 - the protocol's
        return self._mishap if bearable else None


class Heard:
    """A journal that keeps all."""

    def __init__(self) -> None:
        self.told: list[Happening] = []

    def note(self, happening: Happening) -> None:
        self.told.append(happening)

    @property
    def answers(self) -> list[Answer]:
        return [each.report.answer for each in self.told if isinstance(each, Ended) and each.report]

    @property
    def strokes(self) -> list[str]:
        return [each.kind for each in self.told if isinstance(each, Struck)]

    def struck(self) -> list[tuple[str, ...]]:
        """List what befell each invocation, in the order of their begins."""
        begun = [each.request_id for each in self.told if isinstance(each, HandedOver | EventHandedOver)]
        strokes = [each for each in self.told if isinstance(each, Struck)]
        return [tuple(each.kind for each in strokes if each.request_id == request) for request in begun]


def message(name: str, *, receives: int = 1) -> StagedRecord:
    raw = {"messageId": name, "attributes": {"ApproximateReceiveCount": str(receives)}}
    return staged(name, raw, arrived_at=0)


def befallen(mischief: SeededMischief, *, bearable: bool = True, listed: bool = True) -> list[str]:
    found = (mischief.befalls(WORKER, bearable=bearable, listed=listed) for _ in range(MANY))
    return ["" if mishap is None else mishap.kind for mishap in found]


@pytest.fixture
def struck() -> Callable[..., tuple[Delivery, ScriptedFunction, Heard]]:
    """Make the way to a function on which the same mishap befalls all."""

    def make(mishap: Mishap, **more: Any) -> tuple[Delivery, ScriptedFunction, Heard]:
        function, heard = ScriptedFunction(**more), Heard()
        delivery = Delivery(
            WORKER,
            invoker=function,
            tally=Tally([WORKER]),
            accidents=Always(mishap),
            journal=heard,
            timeout_s=30,
        )
        return delivery, function, heard

    return make


@pytest.mark.parametrize("fault", KINDS)
def test_each_kind_of_mishap_befalls_a_worker_soon_and_now_and_then(fault: str) -> None:
    kinds = befallen(SeededMischief({fault}, seed=1))

    for kind in KINDS[fault]:
        assert kind in kinds[:10]
        assert kinds.count(kind) > 3
    assert kinds.count("") > MANY / 2


def test_the_same_seed_brings_the_same_mishaps() -> None:
    def drawn(seed: int) -> list[Any]:
        mischief = SeededMischief(FAULTS, seed=seed)
        return [
            (
                mischief.befalls(WORKER, bearable=True, listed=True),
                mischief.repeats(WORKER),
                mischief.late_by_s(WORKER),
                mischief.overtaken_for_s(WORKER),
                mischief.mixed(WORKER, range(9)),
            )
            for _ in range(MANY)
        ]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_what_befalls_a_worker_depends_on_no_other() -> None:
    alone, beside = (SeededMischief(FAULTS, seed=1) for _ in range(2))

    for _ in range(MANY):
        beside.befalls("other.worker", bearable=True, listed=True)

    assert befallen(alone) == befallen(beside)


def test_a_worker_that_can_bear_no_mishap_is_throttled_at_most() -> None:
    assert set(befallen(SeededMischief(FAULTS, seed=1), bearable=False)) == {"", "throttle"}


def test_a_reply_that_nobody_reads_is_not_malformed() -> None:
    assert "malformed reply" not in befallen(SeededMischief(FAULTS, seed=1), listed=False)


def test_nothing_goes_wrong_where_no_fault_is_asked_for() -> None:
    mischief = SeededMischief((), seed=1)

    assert set(befallen(mischief)) == {""}
    assert not any(mischief.repeats(WORKER) for _ in range(MANY))
    assert not any(mischief.late_by_s(WORKER) + mischief.overtaken_for_s(WORKER) for _ in range(MANY))
    assert mischief.mixed(WORKER, range(9)) == [*range(9)]


def test_one_batch_in_five_comes_twice() -> None:
    mischief = SeededMischief({"duplicate"}, seed=1)

    assert 20 < sum(mischief.repeats(WORKER) for _ in range(MANY)) < 60


@given(st.lists(st.integers()), st.integers())
def test_what_is_mixed_is_all_there(given: list[int], seed: int) -> None:
    assert sorted(SeededMischief({"reorder"}, seed=seed).mixed(WORKER, given)) == sorted(given)


@pytest.mark.parametrize("reply", MALFORMED)
def test_a_malformed_reply_brings_the_whole_batch_again(reply: bytes) -> None:
    assert isinstance(read_reply(reply, ids={"a", "b"}), BatchFailed)


@pytest.mark.parametrize(
    ("kind", "answer", "runs"),
    [
        ("throttle", Throttled, 0),
        ("early crash", Crashed, 0),
        ("late crash", Crashed, 1),
        ("lost reply", TimedOut, 1),
    ],
)
def test_lambda_hears_of_a_mishap_and_the_worker_may_have_done_it_all(
    struck: Callable[..., tuple[Delivery, ScriptedFunction, Heard]], kind: Any, answer: type, runs: int
) -> None:
    delivery, function, heard = struck(Mishap(kind))

    delivery.hand_over([message("a")], repeatable=True)

    assert [type(each) for each in heard.answers] == [answer]
    assert len(function.batches) == runs
    assert heard.strokes == [kind]


def test_a_lost_reply_is_a_time_out_in_lambdas_words(
    struck: Callable[..., tuple[Delivery, ScriptedFunction, Heard]],
) -> None:
    delivery, _, heard = struck(Mishap("lost reply"))

    delivery.hand_over([message("a")], repeatable=True)

    (answer,) = heard.answers
    assert isinstance(answer, TimedOut)
    assert answer.message.endswith("Task timed out after 30.00 seconds")


def test_what_fails_by_itself_says_so_whatever_befalls_it(
    struck: Callable[..., tuple[Delivery, ScriptedFunction, Heard]],
) -> None:
    def refuse(_: list[Any]) -> None:
        raise ValueError("no")

    delivery, _, heard = struck(Mishap("malformed reply", MALFORMED[0]), handle=refuse)

    delivery.hand_over([message("a")], repeatable=True)

    assert [type(each) for each in heard.answers] == [FunctionError]
    assert heard.strokes == []


def test_a_mishap_costs_a_record_one_try_and_no_more(
    struck: Callable[..., tuple[Delivery, ScriptedFunction, Heard]],
) -> None:
    delivery, _, heard = struck(Mishap("lost reply"))

    for _ in range(3):
        delivery.hand_over([message("a"), message("b")], repeatable=True)

    assert [type(each) for each in heard.answers] == [TimedOut, Reply, Reply]


def test_a_message_that_came_before_is_spared(
    struck: Callable[..., tuple[Delivery, ScriptedFunction, Heard]],
) -> None:
    delivery, _, heard = struck(Mishap("early crash"))

    delivery.hand_over([message("a", receives=2)], repeatable=True)

    assert [type(each) for each in heard.answers] == [Reply]


def test_an_event_whose_last_try_it_is_is_spared(
    struck: Callable[..., tuple[Delivery, ScriptedFunction, Heard]],
) -> None:
    delivery, _, heard = struck(Mishap("early crash"))

    delivery.hand_over_event(b'{"Records":[]}', request_id="1", spare=False)
    delivery.hand_over_event(b'{"Records":[]}', request_id="2", spare=True)

    assert [type(each) for each in heard.answers] == [Reply, Crashed]


class Busy(ScriptedFunction):
    """A function with processes that can be killed while they are busy; which one dies, the test says."""

    def __init__(self, *, dies: str) -> None:
        super().__init__()
        self._dies = dies

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        report = super().invoke(event, request_id=request_id)
        if self._dies in str(event):
            return replace(report, answer=crashed(report.request_id, exit_code=-9, started=True))
        return report

    def kill_one(self, *, in_flight: bool = True) -> int | None:
        return 1 if in_flight else None


def hand_over_at_once(*names: str, function: ScriptedFunction, heard: Heard) -> None:
    """Hand batches over that are all under way when a process is killed."""
    delivery = Delivery(
        WORKER, invoker=function, tally=Tally([WORKER]), accidents=NoMischief(), journal=heard
    )
    crashes: list[bool] = []
    all_begun = threading.Barrier(len(names), action=lambda: crashes.append(delivery.crash()))

    def wait(_: list[Any]) -> None:
        all_begun.wait(WAIT_S)

    function.handle = wait
    threads = [
        threading.Thread(target=delivery.hand_over, args=([message(name)],), kwargs={"repeatable": True})
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crashes == [True]


def test_a_crash_is_told_of_the_invocation_that_it_ended() -> None:
    heard = Heard()

    hand_over_at_once("first", "second", "third", function=Busy(dies="second"), heard=heard)

    (crash,) = (each for each in heard.told if isinstance(each, Struck))
    (ended,) = (
        each
        for each in heard.told
        if isinstance(each, Ended) and each.report is not None and isinstance(each.report.answer, Crashed)
    )
    assert (crash.kind, crash.request_id) == ("crash", ended.request_id)


def test_a_kill_that_ended_no_invocation_befell_none() -> None:
    heard = Heard()

    hand_over_at_once("first", "second", function=Busy(dies="nobody"), heard=heard)

    assert heard.strokes == []


class Twice(NoMischief):
    """Delivers all twice, late and mixed up."""

    def repeats(self, worker_id: str) -> bool:  # noqa: ARG002 - the protocol's
        return True

    def late_by_s(self, worker_id: str) -> float:  # noqa: ARG002 - the protocol's
        return 1.0

    def overtaken_for_s(self, worker_id: str) -> float:  # noqa: ARG002 - the protocol's
        return 1.0

    def mixed(self, worker_id: str, records: Sequence[R]) -> list[R]:  # noqa: ARG002 - the protocol's
        return list(reversed(records))


def twice(heard: Heard, handle: Callable[[list[Any]], Any] = lambda _: None) -> Delivery:
    return Delivery(
        WORKER, invoker=ScriptedFunction(handle), tally=Tally([WORKER]), accidents=Twice(), journal=heard
    )


def test_what_befell_a_batch_before_it_was_handed_over_is_told_of_its_invocation() -> None:
    heard = Heard()
    delivery = twice(heard)

    mixed = delivery.mixed([message("a"), message("b")])
    delivery.late_by_s(mixed)
    delivery.hand_over([message("c")], repeatable=False)
    delivery.hand_over(mixed, repeatable=True)

    assert heard.struck() == [(), ("reorder", "delay"), ("duplicate",)]


def test_what_befell_a_batch_that_is_throttled_is_told_of_its_next_invocation() -> None:
    heard = Heard()
    answers = [Throttled(), Reply(b"{}")]
    delivery = twice(heard, lambda _: answers.pop(0))

    delivery.late_by_s([message("a")])
    for _ in range(2):
        delivery.hand_over([message("a")], repeatable=False)

    assert heard.struck() == [(), ("delay",)]


def test_an_event_that_others_overtook_is_told_as_such() -> None:
    heard = Heard()
    delivery = twice(heard)

    delivery.late_by_s("1")
    delivery.overtaken_for_s("1")
    delivery.hand_over_event(b'{"Records":[]}', request_id="2", spare=True)
    delivery.hand_over_event(b'{"Records":[]}', request_id="1", spare=True)

    assert [(each.kind, each.request_id) for each in heard.told if isinstance(each, Struck)] == [
        ("duplicate", "2"),
        ("delay", "1"),
        ("reorder", "1"),
        ("duplicate", "1"),
    ]
