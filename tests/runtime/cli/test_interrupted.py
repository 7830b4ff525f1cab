"""Ctrl-C while the command is still being imported, or while it asks: no traceback, exit code 130."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

SCRIPT = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "worker_runtime.cli.root":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from worker_runtime.cli import main
sys.exit(main())
"""

ASKING = """
import typer
from worker_runtime.local.commands.asking import ask
from worker_runtime.local.commands.reporting import answering

app = typer.Typer()

@app.command()
def main():
    with answering():
        ask("Send all of it?", yes=False)
        print("sent")

app()
"""


def answered(key: bytes) -> tuple[int, str]:
    """Run a command that asks on a terminal of its own and press a key there: exit code, what it said."""
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", ASKING])  # noqa: S606 - our own script
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 1024)
    os.write(terminal, key)
    try:
        while more := os.read(terminal, 1024):
            said += more
    except OSError:
        pass  # the terminal is gone with its last process
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()


@pytest.mark.parametrize(("key", "code"), [(b"\x03", 130), (b"\x04", 1), (b"n\r", 1)])
def test_a_question_that_is_interrupted_is_130_and_one_that_is_denied_1(key: bytes, code: int) -> None:
    ended, said = answered(key)

    assert ended == code
    assert "nothing was done." in said
    assert "sent" not in said
    assert "Traceback" not in said


def test_an_interrupt_before_the_command_has_begun_is_130_and_quiet() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)  # noqa: S603 - our own script

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
