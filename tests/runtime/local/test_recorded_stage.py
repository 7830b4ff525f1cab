"""A stage that is recorded, and its recording run again: by the same workers, and by one that has changed."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from command import Workers
from installed import Site
from tiny import WORKERS, install_tiny, on_the_path
from worker_runtime.local.recording.files import Recording
from worker_runtime.local.recording.lines import Event
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IDLE_WITHIN_S = 30.0
A_SECOND_S = 1.1
TASKS = {"task_1": "retry", "task_2": "reject", "task_3": "defer", "task_4": "skip", "task_5": ""}
MODES = pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in-process"])


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install the tiny plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_tiny(site)
    with on_the_path(site):
        yield site


@contextmanager
def recorded(folder: Path, *, tasks: dict[str, str] = TASKS, **given: Any) -> Iterator[Stage]:
    """Record tasks that go through a stage; ``stage.env`` leads to it while the block runs."""
    options: dict[str, Any] = {"state_dir": folder / "state", "record_to": folder / "r.jsonl", **given}
    with Stage(StageOptions(stacks=("tiny",), speed=50.0, **options)) as stage:
        for key, do in tasks.items():
            item = {"PK": {"S": key}, "do": {"S": do}}
            stage.aws("dynamodb").put_item(TableName=stage.named("table", "tasks"), Item=item)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        variables = "".join(f"{name}={value}\n" for name, value in stage.environment().items())
        (folder / "stage.env").write_text(variables)
        yield stage


def replay(folder: Path, site: Site, *options: str) -> Any:
    return Workers(folder)("replay", "r.jsonl", "--env-file", "stage.env", "--json", *options, site=site)


def events(folder: Path) -> list[Event]:
    return [line for _, line in Recording(folder / "r.jsonl") if isinstance(line, Event)]


def records(file: Path, *, worker: str | None = None) -> list[Any]:
    """List the records that events have, as they are there."""
    found = (line for _, line in Recording(file) if isinstance(line, Event))
    mine = (event for event in found if worker in (None, event.worker))
    return [record for event in mine for record in json.loads(bytes(event.event))["Records"]]


def fates(folder: Path, worker: str) -> dict[str, list[str | None]]:
    """Tell each task's outcomes in their order."""
    found: dict[str, list[str | None]] = {}
    for event in events(folder):
        if event.worker == worker:
            records = json.loads(bytes(event.event))["Records"]
            for raw, fate in zip(records, event.records, strict=True):
                found.setdefault(json.loads(raw["body"])["PK"], []).append(fate.outcome)
    return found


@MODES
def test_what_became_of_every_record_is_recorded_and_becomes_of_it_again(
    tmp_path: Path, tiny: Site, *, in_process: bool
) -> None:
    with recorded(tmp_path, in_process=in_process):
        told = fates(tmp_path, "tiny.do")
        records = sum(len(event.records) for event in events(tmp_path))
        done = replay(tmp_path, tiny)

    assert done.code == 0, done.err
    assert done.json["counts"] == {"same": records}
    assert told == {
        "task_1": ["retry", "done"],
        "task_2": ["reject"],
        "task_3": ["defer", "done"],
        "task_4": ["skip"],
        "task_5": ["done"],
    }


@pytest.mark.parametrize("named", ["task-stream", "local-task-stream", "tasks"])
def test_what_is_recorded_of_a_stream_later_is_what_its_worker_got(
    named: str, tmp_path: Path, tiny: Site
) -> None:
    with recorded(tmp_path, record_in_clear=True):
        time.sleep(A_SECOND_S)  # of which the emulator's stamp is
        asked = ("record", "later.jsonl", "--stream", named, "--in-clear", "--env-file", "stage.env")
        done = Workers(tmp_path)(*asked, site=tiny)

    assert done.code == 0, done.err
    assert records(tmp_path / "later.jsonl") == records(tmp_path / "r.jsonl", worker="tiny.watch")


def test_so_it_is_by_a_stage_that_was_brought_up_again(tmp_path: Path, tiny: Site) -> None:
    with recorded(tmp_path, goes_on=True, record_in_clear=True):
        pass

    with recorded(tmp_path, goes_on=True, tasks={}, record_to=None):
        asked = ("record", "later.jsonl", "--stream", "tasks", "--in-clear", "--env-file", "stage.env")
        done = Workers(tmp_path)(*asked, site=tiny)

    assert done.code == 0, done.err
    assert records(tmp_path / "later.jsonl") == records(tmp_path / "r.jsonl", worker="tiny.watch")


def test_a_changed_worker_is_told_by_what_differs(tmp_path: Path, tmp_path_factory: Any) -> None:
    changed = Site(tmp_path_factory.mktemp("changed"))
    install_tiny(changed)
    work = changed.folder / "tiny_things" / "work.py"
    work.write_text(WORKERS.replace('Reject("REFUSED", "as asked")', 'Skip("never mind")'))

    with recorded(tmp_path, in_process=True):
        done = replay(tmp_path, changed, "--worker", "tiny.do")

    different = [each for each in done.json["records"] if each["verdict"] == "different"]
    assert done.code == 1
    assert [(each["recorded"], each["now"]) for each in different] == [("reject REFUSED", "skip never mind")]


def test_the_clock_is_set_to_the_recorded_time(tmp_path: Path, tiny: Site) -> None:
    with recorded(tmp_path, tasks={"task_1": ""}, in_process=True, origin=2_000_000_000.0) as stage:
        table = stage.named("table", "results")
        key = {"PK": {"S": "task_1"}}
        before = stage.aws("dynamodb").get_item(TableName=table, Key=key)["Item"]["at"]["S"]
        replay(tmp_path, tiny, "--worker", "tiny.do")
        again = stage.aws("dynamodb").get_item(TableName=table, Key=key)["Item"]["at"]["S"]

    assert before != again
    assert float(again) == pytest.approx(float(before), abs=600)


def test_personal_data_is_in_a_recording_only_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "clear").mkdir()
    person = {"fan@example.com": "skip"}

    with recorded(tmp_path, tasks=person, in_process=True):
        pass
    with recorded(tmp_path / "clear", tasks=person, in_process=True, record_in_clear=True):
        pass

    told = {event.worker: event for event in events(tmp_path)}
    in_clear = {event.worker: event for event in events(tmp_path / "clear")}
    assert b"fan@example.com" not in bytes(told["tiny.do"].event)
    assert told["tiny.do"].records[0].masked
    assert b"fan@example.com" in bytes(in_clear["tiny.do"].event)
    assert not in_clear["tiny.do"].masked


def test_what_a_worker_is_asked_by_name_is_recorded_with_its_reply(tmp_path: Path) -> None:
    with recorded(tmp_path, tasks={}, in_process=True) as stage:
        stage.invoke("tiny.do", {"Records": []})

    (event,) = events(tmp_path)
    assert event.answer is not None
    assert event.answer.ended == "reply"
    assert event.answer.reply
    assert json.loads(bytes(event.answer.reply)) == {"batchItemFailures": []}


def test_a_crash_is_recorded_as_one(tmp_path: Path) -> None:
    with recorded(tmp_path, tasks={"task_1": "vanish"}):
        pass

    ended = [event.answer.ended for event in events(tmp_path) if event.worker == "tiny.do" and event.answer]
    assert ended == ["crashed", "reply"]


def test_a_recording_is_refused_before_anything_is_up_where_its_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("dear")

    done = Workers(tmp_path)(
        "stage", "up", "--record", "r.jsonl", env={"PYTHONPATH": os.environ["PYTHONPATH"]}
    )

    assert done.code == 2
    assert "r.jsonl is there already" in done.err
    assert not (tmp_path / ".stage").exists()


def test_a_stage_s_streams_can_be_recorded_from_outside_as_they_were_handed_over(
    tmp_path: Path, tiny: Site
) -> None:
    with recorded(tmp_path):
        within = [event for event in events(tmp_path) if event.worker == "tiny.watch"]
        asked = ("record", "outside.jsonl", "--worker", "tiny.watch", "--env-file", "stage.env", "--in-clear")
        done = Workers(tmp_path)(*asked, site=tiny)

    outside = [line for _, line in Recording(tmp_path / "outside.jsonl") if isinstance(line, Event)]
    assert done.code == 0, done.err
    assert [raw for event in outside for raw in changes(event)] == [
        raw for event in within for raw in changes(event)
    ]


def changes(event: Event) -> list[tuple[str, str]]:
    """Tell the sequence numbers and source of the changes in an event.

    The stream that carries them is the stage's own making: from outside it has its logical name.
    """
    records = json.loads(bytes(event.event))["Records"]
    return [
        (raw["kinesis"]["sequenceNumber"], raw["eventSourceARN"].replace("/local-", "/")) for raw in records
    ]
