"""A child process of the stage: started as asked, and never alive without the stage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from worker_runtime.local.stage.parts import lifeline
from worker_runtime.local.stage.parts.child import Child

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux only")


def test_it_gets_exactly_the_environment_that_it_is_given() -> None:
    with TemporaryFile() as output:
        child = Child(["/usr/bin/env"], environment={"LANG": "C.UTF-8", "MINE": "1"}, output=output.fileno())
        child.wait(10)
        output.seek(0)
        said = output.read().decode().split()

    assert child.exit_code == 0
    assert sorted(said) == ["LANG=C.UTF-8", "MINE=1"]


def test_a_program_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        Child(["/no-such-program"], environment={}, output=1)


@LINUX
def test_a_command_whose_starter_is_gone_already_does_not_run(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    trace = tmp_path / "ran"

    ended = subprocess.run(  # noqa: S603 - our own file
        [
            sys.executable,
            "-I",
            "-S",
            str(Path(lifeline.__file__)),
            str(reading),
            "/usr/bin/touch",
            str(trace),
        ],
        pass_fds=[reading],
        check=False,
    )

    os.close(reading)
    assert ended.returncode == -9
    assert not trace.exists()
