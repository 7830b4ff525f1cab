"""The time of a stage that goes on: it never goes back, stands while the stage is down, keeps old stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.clock import RealClock, parse
from worker_runtime.local.stage.keeping.clock_outside import clock_outside
from worker_runtime.local.stage.keeping.kept_clock import KeptClock, KeptTime, Stretch
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGAN = 1_000_000.0


@pytest.fixture
def time_kept(tmp_path: Path) -> Iterator[KeptTime]:
    with SqliteMemories(tmp_path / "kept.sqlite") as memories:
        yield KeptTime(memories.of("time"))


def test_a_new_stage_begins_at_the_wall_s_time(time_kept: KeptTime) -> None:
    (stretch,) = time_kept.take_up(speed=20.0, now=BEGAN, ended_at=None)

    assert stretch == Stretch(began=BEGAN, origin=BEGAN, speed=20.0)


def test_a_fast_stage_goes_on_from_the_moment_at_which_it_ended(time_kept: KeptTime) -> None:
    time_kept.take_up(speed=20.0, now=BEGAN, ended_at=None)

    *_, second = time_kept.take_up(speed=20.0, now=BEGAN + 3_600, ended_at=BEGAN + 10)

    assert second.origin == BEGAN + 200


def test_where_nobody_knows_the_end_it_goes_on_a_little_after_the_last_beat(time_kept: KeptTime) -> None:
    time_kept.take_up(speed=20.0, now=BEGAN, ended_at=None)
    time_kept.beat(machine=BEGAN + 10, stage=BEGAN + 200)

    *_, second = time_kept.take_up(speed=20.0, now=BEGAN + 3_600, ended_at=None)

    assert BEGAN + 200 < second.origin < BEGAN + 240


def test_at_the_wall_s_speed_the_time_is_the_wall_s(time_kept: KeptTime) -> None:
    time_kept.take_up(speed=1.0, now=BEGAN, ended_at=None)

    *_, second = time_kept.take_up(speed=1.0, now=BEGAN + 3_600, ended_at=BEGAN + 10)

    assert second.origin == BEGAN + 3_600


def test_a_stage_that_was_ahead_of_the_wall_does_not_go_back_to_it(time_kept: KeptTime) -> None:
    time_kept.take_up(speed=100.0, now=BEGAN, ended_at=None)

    *_, second = time_kept.take_up(speed=1.0, now=BEGAN + 20, ended_at=BEGAN + 10)

    assert second.origin == BEGAN + 1_000


def test_what_was_stamped_before_the_stage_was_down_keeps_its_time() -> None:
    clock = KeptClock(
        [
            Stretch(began=BEGAN, origin=BEGAN, speed=20.0),
            Stretch(began=BEGAN + 3_600, origin=BEGAN + 200, speed=60.0),
        ]
    )

    shown = [clock.shown_at(BEGAN + after) for after in (-5, 0, 4, 10, 100, 3_600, 3_601)]

    assert [each - BEGAN for each in shown] == [-5, 0, 80, 200, 200, 200, 260]


def test_worker_processes_are_told_the_same_time() -> None:
    clock = KeptClock([Stretch(began=BEGAN, origin=BEGAN + 5, speed=20.0)])

    told = parse(str(clock))

    assert told.now() == pytest.approx(clock.now(), abs=1)


@given(
    runs=st.lists(
        st.tuples(st.sampled_from([1.0, 0.5, 20.0]), st.floats(0.001, 500), st.floats(0, 5_000)),
        min_size=2,
        max_size=6,
    ),
    steps=st.lists(st.floats(0, 30_000), min_size=2, max_size=8).map(sorted),
)
def test_time_never_goes_back_whatever_the_runs(
    runs: list[tuple[float, float, float]], steps: list[float]
) -> None:
    stretches: list[Stretch] = []
    at = shown = BEGAN
    for speed, lasts_s, down_s in runs:
        stretches.append(Stretch(began=at, origin=shown, speed=speed))
        shown += lasts_s * speed
        at += lasts_s + down_s
    clock = KeptClock(stretches)

    told = [clock.shown_at(BEGAN + after) for after in steps]

    assert told == sorted(told)


def test_a_command_outside_knows_the_time_of_earlier_runs(tmp_path: Path) -> None:
    with SqliteMemories(tmp_path / "kept.sqlite") as memories:
        kept = KeptTime(memories.of("time"))
        kept.take_up(speed=20.0, now=BEGAN, ended_at=None)
        clock = KeptClock(kept.take_up(speed=20.0, now=BEGAN + 3_600, ended_at=BEGAN + 10))
    said = str(clock)

    outside = clock_outside({"WORKER_CLOCK": said, "WORKER_STAGE": str(tmp_path)})
    elsewhere = clock_outside({"WORKER_CLOCK": said, "WORKER_STAGE": str(tmp_path / "nowhere")})

    assert isinstance(outside, KeptClock)
    assert outside.shown_at(BEGAN + 5) == clock.shown_at(BEGAN + 5) == BEGAN + 100
    assert str(elsewhere) == said
    assert isinstance(clock_outside({}), RealClock)
