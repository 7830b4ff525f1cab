"""Which stage is meant where nobody names one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from worker_runtime.local.newest_stage import stage_folders
from worker_runtime.local.stage.keeping.state_folder import StateFolder

HERE, LATER, EARLIER = Path("here/.stage"), Path("tmp/workers-demo-b"), Path("tmp/workers-demo-a")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Leave a stage of a minute ago here, and demos before and after it."""
    for age_s, folder in ((60, HERE), (5, LATER), (90, EARLIER)):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "lineage.sqlite").touch()
        os.utime(tmp_path / folder / "lineage.sqlite", (time.time() - age_s,) * 2)
    return tmp_path


def folders(home: Path) -> list[Path]:
    found = stage_folders(here=home / "here", demos=home / "tmp")
    return [folder.relative_to(home) for folder in found]


def test_the_stage_that_was_written_to_last_is_meant(home: Path) -> None:
    found = folders(home)

    assert found == [LATER, HERE, EARLIER]


def test_a_stage_that_runs_here_is_meant_before_what_others_wrote(home: Path) -> None:
    (home / HERE / "stage.json").write_text('{"format": 1, "stacks": [], "begun_at": 0}')

    with StateFolder(home / HERE):
        found = folders(home)

    assert found == [HERE, LATER, EARLIER]


def test_where_no_stage_was_there_is_none(tmp_path: Path) -> None:
    assert folders(tmp_path) == []
