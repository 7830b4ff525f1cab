"""Runs a command that may save its state when its starter ends: ``python farewell.py FD GRACE_S COMMAND...``.

FD is the reading end of a pipe whose writing end the starter alone holds. A process beside the
command waits for its end of file, asks the command to end (SIGTERM) and kills it where it takes
longer than GRACE_S. It lives in the command's process group and goes when the command goes. Standard
library only: ``child`` runs it without site-packages.
"""

from __future__ import annotations

import os
import signal
import sys
import time

_LOOK_S = 0.05


def see_off(command: int, *, descriptor: int, grace_s: float) -> None:
    """Wait until nobody holds the pipe's other end, then end the process ``command``, this one's parent."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a stop that the starter began may need the end of this
    os.read(descriptor, 1)  # nobody writes: this returns when the starter has ended
    _send(command, signal.SIGTERM)
    ends_at = time.monotonic() + grace_s
    while os.getppid() == command and time.monotonic() < ends_at:
        time.sleep(_LOOK_S)
    _send(command, signal.SIGKILL)


def _send(command: int, number: int) -> None:
    if os.getppid() == command:  # else it ended, and its number may be somebody else's
        os.kill(command, number)


if __name__ == "__main__":
    command = os.getpid()  # by its number: what it becomes keeps it
    if os.fork() == 0:
        see_off(command, descriptor=int(sys.argv[1]), grace_s=float(sys.argv[2]))
        os._exit(0)
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 - the stage's own commands, no shell
