"""The README's chapter "Try it", from top to bottom: a demo that stays up, and what is done meanwhile."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
WORKERS = (sys.executable, "-m", "worker_runtime.cli")
STAYS_UP = "The stage stays up until Ctrl-C"
END_WITHIN_S = 20.0


def commands_to_try() -> list[list[str]]:
    """List the chapter's commands without ``workers`` itself, the one that brings the stage up first."""
    chapter = (ROOT / "plugins/pipeline/README.md").read_text(encoding="utf-8").partition("## Try it")[2]
    blocks = re.findall(r"^```sh\n(.*?)^```", chapter.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


@contextmanager
def kept(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a demo until its stage only stays up; interrupt it behind the block."""
    demo = subprocess.Popen(  # noqa: S603 - our own command
        [*WORKERS, *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stderr is not None
    with demo.stderr as said:
        try:
            assert any(STAYS_UP in line for line in said)
            yield demo
        finally:
            demo.send_signal(signal.SIGINT)
            said.read()
            demo.wait(END_WITHIN_S)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [*WORKERS, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.long
def test_what_there_is_to_try_works_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    keeping, *tried = commands_to_try()

    with kept(tmp_path, *keeping, "--in-process") as stage:
        ended = [run(tmp_path, *arguments) for arguments in tried]

    dry, wet, looked = (
        next(done.stdout for done in ended if said in done.args) for said in ("--dry-run", "--yes", "--json")
    )
    assert len(ended) > 5
    assert [(done.args[3:], done.stdout, done.stderr) for done in ended if done.returncode] == []
    assert "it would go to the bucket local-demand-capture" in dry
    assert "another type than asked for" in wet
    assert json.loads(looked)["total"]["duplicates"] == 0
    assert stage.returncode == 0
