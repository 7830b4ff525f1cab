"""Ctrl-C while the command is still being imported: no traceback."""

from __future__ import annotations

import subprocess
import sys

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


def test_an_interrupt_before_the_command_has_begun_is_130_and_quiet() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)  # noqa: S603 - our own script

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
