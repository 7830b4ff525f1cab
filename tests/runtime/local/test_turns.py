"""Threads that take turns: one order, and time that jumps."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker_runtime.local.stage.threads.turns import Turns

if TYPE_CHECKING:
    from worker_runtime.local.stage.threads.threads import Flag

BEGAN = 1_000.0


@pytest.fixture
def turns() -> Turns:
    return Turns(speed=10, origin=BEGAN)


def test_time_jumps_to_the_next_moment_that_somebody_waits_for(turns: Turns) -> None:
    seen: list[tuple[str, float]] = []

    def nap(name: str, seconds: float) -> None:
        turns.clock.sleep(seconds)
        seen.append((name, turns.clock.now() - BEGAN))

    threads = [
        turns.thread(partial(nap, name, s), name=name) for name, s in [("c", 3_600), ("a", 1), ("b", 60)]
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [("a", 1), ("b", 60), ("c", 3_600)]
    assert time.monotonic() - began < 30


def test_a_time_out_in_the_machines_seconds_counts_by_the_speed(turns: Turns) -> None:
    assert turns.flag().wait(0.5) is False

    assert turns.clock.now() == BEGAN + 5


def test_no_two_threads_run_at_once(turns: Turns) -> None:
    inside: list[int] = []
    most = 0

    def work() -> None:
        nonlocal most
        for _ in range(20):
            inside.append(1)
            most = max(most, len(inside))
            time.sleep(0.0005)
            inside.pop()
            turns.clock.sleep(1)

    threads = [turns.thread(work, name=str(at)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1


def test_who_looks_again_is_woken_by_news_and_not_by_time(turns: Turns) -> None:
    end, looks = turns.flag(), []

    def look() -> None:
        while not turns.look_again(end, within_s=0.01):
            looks.append(turns.clock.now() - BEGAN)

    def tell() -> None:
        turns.clock.sleep(100)
        turns.news()
        turns.clock.sleep(100)
        end.set()

    threads = [turns.thread(look, name="looks"), turns.thread(tell, name="tells")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert looks[-1] == 100
    assert set(looks) <= {0, 100}


def test_a_look_is_over_in_time_without_news(turns: Turns) -> None:
    turns.look_again(turns.flag(), within_s=0.01, left_s=2)

    assert turns.clock.now() == BEGAN + 20


def test_places_are_taken_by_so_many_at_once(turns: Turns) -> None:
    places, most, inside = turns.places(2), 0, 0

    def work() -> None:
        nonlocal most, inside
        places.acquire()
        inside += 1
        most = max(most, inside)
        turns.clock.sleep(5)
        inside -= 1
        places.release()

    threads = [turns.thread(work, name=str(at)) for at in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (most, turns.clock.now()) == (2, BEGAN + 15)
    assert places.acquire(timeout=1)


def test_no_place_in_time_is_told(turns: Turns) -> None:
    places = turns.places(1)
    places.acquire()

    assert places.acquire(timeout=1) is False
    assert turns.clock.now() == BEGAN + 10


def test_a_condition_lets_those_go_on_who_waited_longest(turns: Turns) -> None:
    changed, woken = turns.condition(), []

    def wait(name: str) -> None:
        with changed:
            assert changed.wait() is True
            woken.append(name)

    threads = [turns.thread(partial(wait, name), name=name) for name in "abc"]
    for thread in threads:
        thread.start()
    turns.clock.sleep(1)
    with changed:
        changed.notify()
    turns.clock.sleep(1)
    first = list(woken)
    with changed:
        changed.notify_all()
    for thread in threads:
        thread.join()

    assert first == ["a"]
    assert woken == ["a", "b", "c"]


def test_a_thread_that_fails_is_told_and_does_not_hold_up_the_others(
    turns: Turns, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    thread = turns.thread(fail, name="fails")
    thread.start()
    thread.join()

    assert not thread.is_alive()
    assert "thread fails failed" in caplog.text
    turns.clock.sleep(1)


def test_a_thread_of_others_that_sleeps_makes_its_caller_late(turns: Turns) -> None:
    answered = threading.Event()

    def serve() -> None:
        turns.clock.sleep(30)
        answered.set()

    def call() -> None:
        threading.Thread(target=serve).start()
        assert answered.wait(5)

    caller = turns.thread(call, name="caller")
    caller.start()
    caller.join()

    assert turns.clock.now() == BEGAN + 30


def test_a_thread_of_others_may_set_what_is_waited_for(turns: Turns) -> None:
    done = turns.flag()
    threading.Timer(0.1, done.set).start()

    assert done.wait() is True


def test_paced_time_passes_by_the_machines(turns: Turns) -> None:
    turns.paced = True
    began = time.monotonic()

    turns.clock.sleep(5)

    assert turns.clock.now() == BEGAN + 5
    assert 0.4 < time.monotonic() - began < 5


def test_what_the_machine_stamps_is_told_on_the_clock(turns: Turns) -> None:
    before = int(time.time() * 1000) / 1000
    turns.clock.sleep(50)
    between = int(time.time() * 1000) / 1000
    turns.clock.sleep(50)
    after = int(time.time() * 1000) / 1000

    assert [turns.clock.shown_at(each) - BEGAN for each in (before, between, after)] == [0, 50, 100]


def test_control_c_at_any_moment_ends_the_stages_wait_and_costs_nobody_a_turn(turns: Turns) -> None:
    turns.paced, turns.clock.speed = True, 1_000
    end, went_on = turns.flag(), Counter[str]()

    def live(name: str) -> None:
        while not end.is_set():
            turns.clock.sleep(1)
            went_on[name] += 1

    threads = [turns.thread(partial(live, name), name=name) for name in "abc"]
    for thread in threads:
        thread.start()
    for at in range(40):
        before = went_on.copy()
        with pytest.raises(KeyboardInterrupt):
            wait_for_control_c(turns, after_s=at * 0.001)
        turns.clock.sleep(2)
        assert all(went_on[name] > before[name] for name in "abc")
    end.set()
    for thread in threads:
        thread.join()


def wait_for_control_c(turns: Turns, *, after_s: float) -> None:
    threading.Timer(after_s, interrupt).start()
    turns.flag().wait()


def interrupt() -> None:
    """Send Ctrl-C to this thread, as the kernel may choose any: the main one is not woken by it."""
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 3), max_size=6), min_size=1, max_size=5))
def test_the_same_threads_run_in_the_same_order_again(plans: list[list[int]]) -> None:
    assert ran(plans) == ran(plans)


def ran(plans: list[list[int]]) -> list[tuple[int, float]]:
    """Let each thread sleep as planned (0 tells news and looks for some) and list who ran when."""
    turns = Turns(speed=1, origin=BEGAN)
    never: Flag = turns.flag()
    log: list[tuple[int, float]] = []

    def live(name: int, plan: list[int]) -> None:
        for seconds in plan:
            if seconds:
                turns.clock.sleep(seconds)
            else:
                turns.news()
                turns.look_again(never, within_s=1, left_s=1)
            log.append((name, turns.clock.now()))

    threads = [turns.thread(partial(live, at, plan), name=str(at)) for at, plan in enumerate(plans)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return log
