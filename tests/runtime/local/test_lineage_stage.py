"""The lineage of whole stages: across two workers through retry, dead letter and redrive; twice alike."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from installed import Site
from tiny import install_tiny, on_the_path
from worker_runtime.local.stage.lineage.dump import dump
from worker_runtime.local.stage.lineage.finding import find
from worker_runtime.local.stage.lineage.schema import FILE, open_to_read
from worker_runtime.local.stage.lineage.standing import standing
from worker_runtime.local.stage.lineage.told import Step, Try, Way
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORIGIN = 1_790_000_000.0
IDLE_WITHIN_S = 30.0
MODES = pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in-process"])


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install the tiny plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_tiny(site)
    with on_the_path(site):
        yield site


def staged(folder: Path, **given: Any) -> Stage:
    options: dict[str, Any] = {"stacks": ("tiny",), "speed": 50.0, "state_dir": folder, **given}
    return Stage(StageOptions(**options))


def put_tasks(stage: Stage, **tasks: str) -> None:
    for key, do in tasks.items():
        item = {"PK": {"S": key}, "do": {"S": do}}
        stage.aws("dynamodb").put_item(TableName=stage.named("table", "tasks"), Item=item)


def way(folder: Path, wanted: str) -> Way:
    with closing(open_to_read(folder / FILE)) as db:
        (found,) = find(db, wanted).found
    assert isinstance(found, Way)
    return found


def tries(told: Way) -> list[Try]:
    return [event for event in told.events if isinstance(event, Try)]


def led_to(told: Way) -> Way:
    (following,) = [each for tried in tries(told) for made in tried.made if made.sure for each in made.led_to]
    return following


@MODES
def test_a_task_is_traced_from_its_table_to_its_dead_letter_and_back(
    tmp_path: Path, *, in_process: bool
) -> None:
    with staged(tmp_path, in_process=in_process) as stage:
        put_tasks(stage, task_1="retry", task_2="reject", task_3="defer")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        stage.redrive("work-dlq")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

    retried, rejected, deferred = (led_to(way(tmp_path, f"task_{at}")) for at in (1, 2, 3))

    assert [tried.outcome for tried in tries(retried)] == ["retry", "done"]
    assert [step.kind for step in retried.events if isinstance(step, Step)] == ["waits", "deleted"]
    (letter,) = [made for made in tries(rejected)[0].made if made.kind == "letter"]
    again = letter.sent_back_as[0].way
    assert again is not None
    assert [tried.reason for tried in (*tries(rejected), *tries(again))] == ["REFUSED", "REFUSED"]
    assert [tried.outcome for tried in (*tries(deferred), *tries(led_to(deferred)))] == ["defer", "done"]
    assert [made.thing for made in tries(led_to(deferred))[0].made] == ["task_3"]


def test_a_crash_is_told_with_all_that_it_struck(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        put_tasks(stage, task_1="vanish")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

    crashed, done = tries(led_to(way(tmp_path, "task_1")))

    assert (crashed.answer, crashed.done) == ("crashed", False)
    assert crashed.init_ms is not None
    assert crashed.init_ms > 0
    assert (done.outcome, done.done, done.receives) == ("done", True, 2)


def test_a_record_that_no_filter_takes_says_why(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        put_tasks(stage, task_1="")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        stage.aws("dynamodb").delete_item(
            TableName=stage.named("table", "tasks"), Key={"PK": {"S": "task_1"}}
        )
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

    with closing(open_to_read(tmp_path / FILE)) as db:
        ((refused,),) = db.execute("SELECT refused FROM records WHERE refused IS NOT NULL")

    assert "REMOVE" in refused


def test_two_runs_of_one_seed_in_one_process_leave_the_same_lineage(tmp_path: Path) -> None:
    dumps = []
    for name in ("first", "second"):
        with staged(tmp_path / name, in_process=True, origin=ORIGIN, seed=7) as stage:
            put_tasks(stage, task_1="retry", task_2="reject", task_3="defer", task_4="")
            stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        dumps.append(dump(tmp_path / name / FILE))

    assert dumps[0] == dumps[1]


def test_a_stage_s_standing_is_told_by_worker(tmp_path: Path) -> None:
    with staged(tmp_path, in_process=True) as stage:
        put_tasks(stage, task_1="", task_2="reject", task_3="spoil")
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

    told = {each.worker: (each.records, each.done, each.dead_letters) for each in standing(tmp_path / FILE)}

    assert told == {"tiny.watch": (3, 3, 1), "tiny.do": (2, 2, 1)}


def test_what_a_person_runs_on_a_stage_knows_its_state_folder(tmp_path: Path) -> None:
    with staged(tmp_path, in_process=True) as stage:
        variables = stage.environment()

    assert variables["WORKER_STAGE"] == str(tmp_path)
