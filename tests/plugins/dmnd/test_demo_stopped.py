"""``workers demo`` that is ended from outside, at whatever moment: nothing of it lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from staged import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

BEFORE_THE_STAGE = "fault crash"
STARTING = "starting the stage"
UP = "the stage is up"
AT_WORK = "carried: "
END_WITHIN_S = 20.0


def living(folder: Path) -> list[str]:
    """List the processes whose environment names the folder: the emulator, workers, the demo itself."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{folder}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
    return [command for command in found if command]  # a zombie has none


def ended_by(number: signal.Signals, *, after: str, wait_s: float, folder: Path, times: int = 1) -> int:
    """Run a demo, signal it ``wait_s`` after it said ``after``, and return its exit code."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "worker_runtime.cli", "demo", "short-links", "--faults", "crash"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stderr is not None
    with demo.stderr as said:
        assert any(after in line for line in said)
        time.sleep(wait_s)
        for _ in range(times):
            demo.send_signal(number)
        said.read()  # what it says on its way out must find a reader
        return demo.wait(END_WITHIN_S)


@pytest.mark.parametrize(
    ("after", "wait_s"), [(BEFORE_THE_STAGE, 0), (STARTING, 0), (STARTING, 0.1), (UP, 0), (AT_WORK, 0)]
)
def test_sigterm_stops_a_demo_as_cleanly_as_control_c(after: str, wait_s: float, tmp_path: Path) -> None:
    code = ended_by(signal.SIGTERM, after=after, wait_s=wait_s, folder=tmp_path)

    assert code == 128 + signal.SIGTERM
    assert living(tmp_path) == []


def test_the_end_of_the_terminal_stops_a_demo_too(tmp_path: Path) -> None:
    assert ended_by(signal.SIGHUP, after=UP, wait_s=0, folder=tmp_path) == 128 + signal.SIGHUP
    assert living(tmp_path) == []


def test_sigterm_that_comes_twice_at_once_is_one_request(tmp_path: Path) -> None:
    assert ended_by(signal.SIGTERM, after=UP, wait_s=0, folder=tmp_path, times=2) == 128 + signal.SIGTERM
    assert living(tmp_path) == []


@pytest.mark.parametrize("wait_s", [0, 0.01, 0.02, 0.04])
def test_a_demo_that_is_killed_while_it_starts_the_emulator_leaves_none(
    wait_s: float, tmp_path: Path
) -> None:
    ended_by(signal.SIGKILL, after=STARTING, wait_s=wait_s, folder=tmp_path)

    eventually(lambda: not living(tmp_path))
