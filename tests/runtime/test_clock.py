"""The only clock: real, scaled or stepped, and the time an invocation has left."""

from __future__ import annotations

import threading
import time

import pytest

from worker_runtime import clock
from worker_runtime.clock import ScaledClock, SteppedClock


def test_the_real_time_is_the_machine_s() -> None:
    assert abs(clock.now() - time.time()) < 1


def test_a_scaled_clock_runs_ahead_from_its_origin() -> None:
    origin = time.time() - 10
    scaled = ScaledClock(20, origin=origin)

    assert scaled.now() - origin == pytest.approx(200, abs=5)


def test_sleeping_on_a_scaled_clock_takes_a_part_of_the_machine_s_time() -> None:
    began = time.monotonic()

    with clock.using(ScaledClock(100, origin=time.time())):
        before = clock.now()
        clock.sleep(2)
        slept = clock.now() - before

    assert slept >= 2
    assert time.monotonic() - began < 1


def test_two_processes_that_are_told_the_same_agree_on_the_time() -> None:
    one = ScaledClock(20.0, origin=1_700_000_000.0)

    other = clock.parse(str(one))

    assert other.now() == pytest.approx(one.now(), abs=1)
    assert other.speed == 20


def test_a_stepped_clock_stands_still_until_somebody_sleeps() -> None:
    with clock.using(SteppedClock(100)):
        clock.sleep(3600)
        clock.sleep(-1)

        assert clock.now() == 3700


def test_outside_an_invocation_there_is_no_end() -> None:
    assert clock.remaining_s() == float("inf")


def test_what_is_left_shrinks_with_the_clock() -> None:
    with clock.using(SteppedClock(100)), clock.deadline(160):
        clock.sleep(20)

        assert clock.remaining_s() == 40


def test_the_machine_s_seconds_are_more_of_a_faster_clock_s() -> None:
    with clock.using(ScaledClock(20, origin=time.time())), clock.deadline_in(3):
        assert clock.remaining_s() == pytest.approx(60, abs=2)


def test_a_clock_is_one_context_s_and_no_other_thread_s() -> None:
    seen: list[float] = []

    with clock.using(SteppedClock(0)):
        other = threading.Thread(target=lambda: seen.append(clock.now()))
        other.start()
        other.join()

        assert clock.now() == 0
    assert seen[0] > 1_600_000_000
