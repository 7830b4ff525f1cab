"""The diary of a scenario's driver: a step is done once, a value is the first one, over all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.demo.diary import Diary
from worker_runtime.local.stage.keeping.memory import NO_MEMORIES
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker_runtime.local.stage.keeping.memory import Memory


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with SqliteMemories(tmp_path / "kept.sqlite") as memories:
        yield memories.of("scenario")


def test_a_step_that_was_done_is_not_done_again(memory: Memory) -> None:
    done: list[str] = []
    Diary(memory).once("put", lambda: done.append("put"))

    Diary(memory).once("put", lambda: done.append("again"), resumed=lambda: done.append("resumed"))

    assert done == ["put"]


def test_a_step_that_was_cut_short_is_resumed(memory: Memory) -> None:
    done: list[str] = []

    def cut_short() -> None:
        done.append("some")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Diary(memory).once("put", cut_short)

    Diary(memory).once("put", lambda: done.append("all"), resumed=lambda: done.append("the rest"))

    assert done == ["some", "the rest"]


def test_a_value_is_the_first_one_that_was_made(memory: Memory) -> None:
    first = Diary(memory).first("began", lambda: 12.5)

    later = Diary(memory).first("began", lambda: 99.0)

    assert (first, later) == (12.5, 12.5)


def test_a_value_may_be_written_over(memory: Memory) -> None:
    Diary(memory).write("retried", {"a": 1})
    Diary(memory).write("retried", {"a": 2})

    assert Diary(memory).first("retried", dict[str, int]) == {"a": 2}


def test_a_diary_knows_whether_an_earlier_run_wrote_it(memory: Memory) -> None:
    new = Diary(memory)
    new.once("put", lambda: None)

    assert (new.is_old, Diary(memory).is_old) == (False, True)


def test_on_a_stage_that_forgets_all_is_done_anew() -> None:
    done: list[int] = []

    for run in range(2):
        Diary(NO_MEMORIES.of("scenario")).once("put", lambda run=run: done.append(run))  # type: ignore[misc]  # mypy sees no default

    assert done == [0, 1]
