"""Runs a command that the kernel kills when its starter ends: ``python lifeline.py FD COMMAND...``.

FD is the reading end of a pipe whose writing end the starter alone holds. At its end of file the
kernel raises SIGKILL in this process (Linux: fcntl(2), F_SETSIG), which becomes the command. It
arms itself and looks only then whether the starter is still there, so there is no moment at which
the starter's end goes unnoticed. Standard library only: ``child`` runs it without site-packages.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys


def hold(descriptor: int) -> None:
    """Die with the pipe's other end, also where that has closed already."""
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
    closed = select.poll()
    closed.register(descriptor, select.POLLHUP)
    if closed.poll(0):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    hold(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the stage's own commands, no shell
