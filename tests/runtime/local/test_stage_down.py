"""The stage of a folder is asked to end from another process, also where it has only just begun."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from worker_runtime.errors import SettingsError
from worker_runtime.local.serving.status import NoStage
from worker_runtime.local.serving.stopping import NotStopped, stop_stage
from worker_runtime.local.stage.aws_clients import credentials
from worker_runtime.local.stage.keeping.state_folder import StateFolder

if TYPE_CHECKING:
    from pathlib import Path

SLEEPER = (
    "import fcntl, os, sys, time; lock = open(sys.argv[1], 'r+'); fcntl.flock(lock, fcntl.LOCK_EX);"
    " print('locked', flush=True); time.sleep(0.3);"
    " lock.write(str(os.getpid())); lock.flush(); time.sleep(60)"
)
"""Takes a folder as a stage does, and says who it is a while later."""


def test_a_stage_that_has_only_just_taken_its_folder_is_stopped(tmp_path: Path) -> None:
    lock = tmp_path / "stage.lock"
    lock.touch()
    stage = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", SLEEPER, str(lock)], stdout=subprocess.PIPE, text=True
    )
    assert stage.stdout is not None
    with stage.stdout as said:
        assert said.readline() == "locked\n"

    threading.Thread(target=stage.wait, daemon=True).start()
    stopped = stop_stage(tmp_path, within_s=10)

    assert stopped == stage.pid
    assert stage.wait(5) == -signal.SIGTERM


def test_a_stage_that_does_not_say_who_it_is_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with (tmp_path / "stage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(NotStopped, match="process unknown, has not ended yet"):
            stop_stage(tmp_path, within_s=0.2)


def test_where_no_stage_ever_was_there_is_none_to_stop(tmp_path: Path) -> None:
    with pytest.raises(NoStage, match="there is no stage in"):
        stop_stage(tmp_path / "typo")


def test_a_folder_that_was_left_names_nobody(tmp_path: Path) -> None:
    with StateFolder(tmp_path):
        during = (tmp_path / "stage.lock").read_text()

    assert during == str(os.getpid())
    assert (tmp_path / "stage.lock").read_text() == ""


def test_half_of_a_key_is_refused_with_what_is_missing() -> None:
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY is not set"):
        credentials("http://127.0.0.1:4566", environ={"AWS_ACCESS_KEY_ID": "mine"})
