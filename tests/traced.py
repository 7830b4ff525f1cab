"""What is traced in a diary: ways, the tries in them, what each made, the tree that is drawn."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.lineage.drawing import draw
from worker_runtime.local.stage.lineage.finding import find
from worker_runtime.local.stage.lineage.schema import open_to_read
from worker_runtime.local.stage.lineage.told import Made, Try, Way

if TYPE_CHECKING:
    from diary import Diary
    from worker_runtime.local.stage.lineage.finding import Traced


def traced(diary: Diary, wanted: str, **given: Any) -> Traced:
    diary.journal.flush()
    with closing(open_to_read(diary.file)) as db:
        return find(db, wanted, **given)


def way(diary: Diary, wanted: str, **given: Any) -> Way:
    (found,) = traced(diary, wanted, **given).found
    assert isinstance(found, Way)
    return found


def tries(told: Way) -> list[Try]:
    return [event for event in told.events if isinstance(event, Try)]


def made(told: Way) -> list[Made]:
    return [each for tried in tries(told) for each in tried.made]


def drawn(diary: Diary, wanted: str, *, all_lines: bool = False, **given: Any) -> list[str]:
    return [line for line, _ in draw(traced(diary, wanted, **given), all_lines=all_lines)]
