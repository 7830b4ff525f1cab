"""A demo's stage that stays up, and the commands that a plugin's README tries on it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from command import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
STAYS_UP = "The stage stays up until Ctrl-C"
END_WITHIN_S = 20.0


def commands_to_try(plugin: str) -> list[list[str]]:
    """List the commands of the README's chapter "Try it", the one that brings the stage up first.

    ``workers`` itself is left out.
    """
    text = (ROOT / "plugins" / plugin / "README.md").read_text(encoding="utf-8")
    chapter = text.partition("## Try it")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


@contextmanager
def kept(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a demo until its stage only stays up; interrupt it behind the block."""
    demo = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, *arguments],
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
                demo.communicate(timeout=END_WITHIN_S)
            finally:
                demo.kill()  # of one that has ended nothing
                demo.wait()  # or it is told of in another test


def tried(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside it to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
