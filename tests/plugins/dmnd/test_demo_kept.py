"""``workers demo --keep``: a stage that stays up, and what the plugin's README does with it."""

from __future__ import annotations

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

from demos import demo
from worker_runtime.local.commands.inputs import read_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
WORKERS = (sys.executable, "-m", "worker_runtime.cli")
STAYS_UP = "The stage stays up until Ctrl-C"
END_WITHIN_S = 20.0


def commands_to_try() -> list[str]:
    """List the commands of the README's chapter, the one that brings the stage up first."""
    chapter = (ROOT / "plugins/dmnd/README.md").read_text(encoding="utf-8").partition("## Try it")[2]
    blocks = re.findall(r"^```sh\n(.*?)^```", chapter.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


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
            try:
                demo.wait(END_WITHIN_S)
            finally:
                demo.kill()  # of one that has ended nothing
                demo.wait()  # or it is told of in another test


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [*WORKERS, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.long
def test_the_readmes_commands_can_be_tried_on_the_stage_that_is_kept(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (_, *keeping), *tried = map(shlex.split, commands_to_try())

    with kept(tmp_path, *keeping, "--in-process") as stage:
        ended = [run(tmp_path, *arguments) for _, *arguments in tried]

    assert len(ended) > 5
    assert [(done.args[3:], done.stderr) for done in ended if done.returncode] == []
    assert "S3E30B48A00" in next(done.stdout for done in ended if "--all" in done.args)
    assert stage.returncode == 0


def test_the_variables_lead_to_the_stage_and_are_gone_with_it(tmp_path: Path) -> None:
    file = tmp_path / "local.env"

    with kept(
        tmp_path, "demo", "short-links", "--in-process", "--events", "10", "--keep", str(file)
    ) as stage:
        variables = read_variables(file)

    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert variables["DEMAND_TABLE"] == "local-demand-table"
    assert stage.returncode == 0
    assert not file.exists()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("mine", encoding="utf-8")

    ran = demo(tmp_path, "short-links", "--keep", "mine.env")

    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == "workers: mine.env is there already; name another file, or remove it.\n"
    assert (tmp_path / "mine.env").read_text(encoding="utf-8") == "mine"
