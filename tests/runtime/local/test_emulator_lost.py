"""A stage whose emulator ends under it: who works on it hears at once, with the cure."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.serving.status import look_at
from worker_runtime.local.stage.emulator_lost import EmulatorLost, EmulatorWatch
from worker_runtime.local.stage.keeping.state_folder import StateFolder, is_lost
from worker_runtime.local.stage.options import StageOptions
from worker_runtime.local.stage.parts.emulator import Emulator

if TYPE_CHECKING:
    from pathlib import Path

STANDING = (
    b'{"pid":1,"stacks":[],"speed":1,"faults":[],"in_process":false,"up_since":0,"told_at":0,"stage_time":0,'
    b'"logs":"","environment":{"AWS_ENDPOINT_URL":""},"queues":{},"dead_letters":[],"workers":{}}'
)


def lost_in(folder: Path) -> None:
    """Leave what an emulator leaves that is killed."""
    state = folder / "emulator/state"
    state.mkdir(parents=True)
    (state / "begun").touch()


def watch(options: StageOptions) -> EmulatorWatch:
    ended = threading.Event()
    ended.set()
    return EmulatorWatch(ended, options)


def test_an_emulator_that_is_killed_is_told_of_and_one_that_is_stopped_is_not(tmp_path: Path) -> None:
    lost, stopped = threading.Event(), threading.Event()
    with Emulator(tmp_path / "a", lost=lost.set) as emulator:
        assert emulator.pid is not None
        os.kill(emulator.pid, signal.SIGKILL)

        assert lost.wait(5)

    with Emulator(tmp_path / "b", lost=stopped.set):
        pass
    assert not stopped.is_set()


def test_who_serves_a_stage_hears_that_it_is_to_be_begun_anew(tmp_path: Path) -> None:
    lost_in(tmp_path)

    with pytest.raises(
        EmulatorLost, match=rf"is lost\. `workers stage up --fresh --state {tmp_path}` begins"
    ):
        watch(StageOptions(state_dir=tmp_path, goes_on=True)).wait()


def test_what_was_written_goes_on(tmp_path: Path) -> None:
    lost_in(tmp_path)
    (tmp_path / "emulator/state/ended-in-order").touch()

    with pytest.raises(EmulatorLost, match=r"was kept\. `workers stage up --state"):
        watch(StageOptions(state_dir=tmp_path, goes_on=True)).check()


def test_status_says_lost(tmp_path: Path) -> None:
    lost_in(tmp_path)
    (tmp_path / "standing.json").write_bytes(STANDING)

    assert look_at(tmp_path).state == "lost"


def test_a_stage_that_runs_is_not_lost(tmp_path: Path) -> None:
    with StateFolder(tmp_path) as folder:
        folder.begin((), endpoint_url=None)
        lost_in(tmp_path)

        assert not is_lost(tmp_path)

    assert is_lost(tmp_path)
