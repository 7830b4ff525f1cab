"""Accidents: when they happen, and that a seed decides it."""

from __future__ import annotations

import time

import pytest

from staged import eventually
from worker_runtime.local.stage.accidents import FAULTS, Accidents, UnknownFault

CALLS = 200


def make_calls(accidents: Accidents) -> None:
    for _ in range(CALLS):
        accidents.called()


def test_each_outage_happens_once_while_workers_make_calls() -> None:
    happened: list[str] = []
    with Accidents({"outage"}, seed=1) as accidents:
        accidents.plan_once("outage", [lambda: happened.append("a"), lambda: happened.append("b")])

        make_calls(accidents)

        eventually(lambda: sorted(happened) == ["a", "b"])


def test_nothing_happens_before_the_first_calls() -> None:
    happened: list[str] = []
    with Accidents({"outage"}, seed=1) as accidents:
        accidents.plan_once("outage", [lambda: happened.append("a")])

        accidents.called()
        time.sleep(0.05)

        assert happened == []


def test_a_crash_that_finds_nobody_busy_waits_for_the_next_call() -> None:
    answers = [False, False, True, True]
    with Accidents({"crash"}, seed=1) as accidents:
        accidents.plan_crashes([lambda: answers.pop(0)], services=(), crash_all=lambda: True)

        def all_happened() -> bool:
            accidents.called()
            return not answers

        eventually(all_happened)


def test_each_worker_is_crashed_twice_soon_and_once_more_later() -> None:
    crashed: list[tuple[str, int]] = []
    calls = 0

    def crash(worker: str) -> bool:
        crashed.append((worker, calls))
        return True

    with Accidents({"crash"}, seed=1) as accidents:
        accidents.plan_crashes([lambda: crash("a"), lambda: crash("b")], services=(), crash_all=lambda: True)

        for calls in range(1, CALLS + 1):  # noqa: B007 - crashes note it
            accidents.called()
            time.sleep(0.0005)

        eventually(lambda: sorted(worker for worker, _ in crashed) == ["a", "a", "b", "b"])
    assert {worker for worker, _ in crashed[:2]} == {"a", "b"} or crashed[2][1] > crashed[1][1]


def test_a_crash_comes_right_after_an_answer_of_each_service() -> None:
    crashed: list[int] = []
    with Accidents({"crash"}, seed=1) as accidents:

        def crash_all() -> bool:
            crashed.append(1)
            return True

        accidents.plan_crashes((), services=("sms",), crash_all=crash_all)

        make_calls(accidents)
        for _ in range(20):
            accidents.called("sms")

        eventually(lambda: crashed == [1])


def test_what_was_not_asked_for_does_not_happen() -> None:
    happened: list[str] = []
    with Accidents(set(), seed=1) as accidents:
        accidents.plan_once("outage", [lambda: happened.append("outage")])
        accidents.plan_crashes([lambda: bool(happened) or True], services=(), crash_all=lambda: True)

        make_calls(accidents)
        time.sleep(0.05)

        assert happened == []


def test_an_accident_that_fails_keeps_the_others_from_nothing() -> None:
    happened: list[str] = []

    def fail() -> None:
        raise OSError("Redis did not come up")

    with Accidents({"outage"}, seed=1) as accidents:
        accidents.plan_once("outage", [fail, lambda: happened.append("b")])

        make_calls(accidents)

        eventually(lambda: happened == ["b"])


def test_an_unknown_fault_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UnknownFault) as caught:
        Accidents({"earthquake"}, seed=0)

    assert all(fault in str(caught.value) for fault in FAULTS)
