"""Two lineages compared: alike where the same happened, however ids, times and sizes differ."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from diary import Diary, message, printed, put, sent
from worker_runtime.local.stage.lineage.dump import dump

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from worker_runtime.local.stage.lineage.happenings import Happening

    Does = Callable[[str], Happening]


def run(folder: Path, **said: Any) -> str:
    """Let the same happen under other ids, and return what is left of it."""
    folder.mkdir()
    first, second = str(uuid4()), str(uuid4())
    with closing(Diary(folder)) as diary:
        diary.clock.at += 5
        does: list[Does] = [sent(second), put("order-1", **said), printed(f"sent {second}")]
        diary.invoke(message(first, f"see {second}"), does=does, request_id=str(uuid4()))
        diary.invoke(message(second), request_id=str(uuid4()))
    return dump(folder / "lineage.sqlite")


def test_ids_are_numbered_as_they_first_appear(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a"), run(tmp_path / "b")

    assert first == second
    assert "record=<1>" in first
    assert "body=see <2>" in first


def test_times_are_told_from_the_begin_of_the_run(tmp_path: Path) -> None:
    assert "at=+5.000" in run(tmp_path / "a")


def test_another_order_is_another_dump(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with closing(Diary(tmp_path / "a")) as diary:
        diary.invoke(message("m-1"))
        diary.invoke(message("m-2"))
    (tmp_path / "b").mkdir()
    with closing(Diary(tmp_path / "b")) as diary:
        diary.invoke(message("m-2"))
        diary.invoke(message("m-1"))

    assert dump(tmp_path / "a" / "lineage.sqlite") != dump(tmp_path / "b" / "lineage.sqlite")
