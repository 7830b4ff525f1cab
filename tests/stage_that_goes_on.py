"""Runs a stage of the tiny plugin in a folder, puts tasks once, and works until it is killed: by a test."""

# ruff: noqa: T201 - it prints to be read

from __future__ import annotations

import sys
from pathlib import Path

from worker_runtime.local.demo.diary import Diary
from worker_runtime.local.stage.stage import Stage, StageOptions

TASKS = {f"task-{at}": ("", "", "retry", "defer", "reject")[at % 5] for at in range(40)}
"""What each task does."""

SPEED = 30.0


def put(stage: Stage) -> None:
    """Put all tasks."""
    table = stage.named("table", "tasks")
    for key, do in TASKS.items():
        stage.aws("dynamodb").put_item(TableName=table, Item={"PK": {"S": key}, "do": {"S": do}})


def options(folder: Path) -> StageOptions:
    """Ask for a stage that goes on."""
    return StageOptions(stacks=("tiny",), speed=SPEED, state_dir=folder, goes_on=True)


if __name__ == "__main__":
    with Stage(options(Path(sys.argv[1]))) as running:
        Diary(running.memory("test")).once("put", lambda: put(running))
        print("put", flush=True)
        running.serve()
