from __future__ import annotations

import threading

import pytest

from worker_runtime import clock, concurrently
from worker_runtime.threads import in_turn


def test_results_stand_at_their_items_positions() -> None:
    assert concurrently(lambda n: n * n, range(100), at_once=8) == [n * n for n in range(100)]


def test_what_a_call_raised_stands_at_its_position_and_the_others_go_on() -> None:
    def halve(n: int) -> float:
        return 6 / n

    first, second, third = concurrently(halve, [3, 0, 1], at_once=2)

    assert (first, third) == (2, 6)
    assert isinstance(second, ZeroDivisionError)


def test_where_a_run_is_to_be_the_same_again_calls_are_made_in_order_by_their_caller() -> None:
    ran: list[tuple[int, int]] = []

    with in_turn():
        outcomes = concurrently(lambda n: ran.append((n, threading.get_ident())), range(9), at_once=4)

    assert outcomes == [None] * 9
    assert ran == [(n, threading.get_ident()) for n in range(9)]


def test_as_many_run_at_once_as_are_asked_for_and_no_more() -> None:
    together = threading.Barrier(4, timeout=5)
    running = most = 0
    lock = threading.Lock()

    def meet(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1

    outcomes = concurrently(meet, range(12), at_once=4)

    assert outcomes == [None] * 12
    assert most == 4


def test_the_threads_see_the_clock_and_the_deadline_of_their_caller() -> None:
    with clock.using(clock.SteppedClock(at=1_000)), clock.deadline(1_060):
        seen = concurrently(lambda _: (clock.now(), clock.remaining_s()), range(3), at_once=3)

    assert seen == [(1_000, 60)] * 3


def test_nothing_is_left_running() -> None:
    before = threading.active_count()

    concurrently(lambda n: n, range(50), at_once=16)

    assert threading.active_count() == before


def test_without_items_there_is_nothing_to_do() -> None:
    assert concurrently(lambda n: n, [], at_once=16) == []


def test_what_ends_the_process_is_no_outcome() -> None:
    def leave(_: int) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        concurrently(leave, [1], at_once=1)
