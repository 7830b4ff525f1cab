"""A child process that cannot outlive the stage: the worker processes, the emulator, Redis.

It runs in a process group of its own, so that Ctrl-C in a terminal leaves the order of stopping
to the stage and so that what it starts dies with it. Where the stage itself is killed, or is
interrupted while it starts the child, the kernel kills the child: it holds the reading end of a
pipe whose end of file is set to raise SIGKILL in it. The child sets that itself, in ``lifeline``,
before it becomes its command: were it set from here, the stage could be gone before. (The
parent-death signal of Linux follows the *thread* that started the child, and code between fork
and exec is unsafe beside threads; this needs neither.) Off Linux a worker process still ends by
itself, since its Runtime API connection drops. A child that has something to save first is asked to
end, and killed a while later; see ``farewell``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LIFELINE = Path(__file__).with_name("lifeline.py")
_FAREWELL = Path(__file__).with_name("farewell.py")


class Child:
    """A running command; ``exit_code`` is None while it lives, negative where a signal ended it."""

    def __init__(  # noqa: PLR0913 - a process has as many sides
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: int,
        cwd: Path | None = None,
        on_exit: Callable[[int], None] | None = None,
        farewell_s: float = 0.0,
        holds: Sequence[int] = (),
    ) -> None:
        """Start ``command`` with exactly ``environment``, both its streams going to ``output``.

        Where the stage is killed, it has ``farewell_s`` to end by itself; ``holds`` are descriptors
        that stay open in it. Raises OSError where there is no such program or folder.
        """
        self.exit_code: int | None = None
        self._on_exit = on_exit
        self._reaping = threading.Lock()
        self._ended = threading.Event()
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the stage's own commands, no shell
                _held_by(lifeline, command, farewell_s=farewell_s),
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lifeline, *holds],
                process_group=0,
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        self.pid = self._process.pid
        threading.Thread(target=self._watch, name=f"watch-{self.pid}", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.is_set()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for its end; its exit code, or None where ``timeout_s`` passed first."""
        self._ended.wait(timeout_s)
        return self.exit_code

    def kill(self) -> None:
        """Kill it and all that it started, at once."""
        self._signal(signal.SIGKILL)

    def stop(self, *, grace_s: float) -> int | None:
        """Ask it to end, kill it after ``grace_s``, and wait until it is gone."""
        self._signal(signal.SIGTERM)
        if self.wait(grace_s) is None:
            self.kill()
        return self.wait()

    def _signal(self, number: int) -> None:
        with self._reaping:
            if self.exit_code is None:  # a reaped process's number may be somebody else's by now
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, number)

    def _watch(self) -> None:
        if hasattr(os, "waitid"):  # missing on macOS before Python 3.13
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            self.kill()  # what it started, while its number is still held
        exit_code = self._process.wait()
        with self._reaping:
            self.exit_code = exit_code
        os.close(self._lifeline)
        self._ended.set()
        if self._on_exit is not None:
            self._on_exit(exit_code)


def _held_by(lifeline: int, command: Sequence[str], *, farewell_s: float) -> list[str]:
    """Word the command so that it ends with the stage, at once where the kernel can do that."""
    program, *arguments = command
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"no program {program}")
    if farewell_s:
        watched = [sys.executable, "-I", "-S", str(_FAREWELL), str(lifeline), str(farewell_s)]
        return [*watched, found, *arguments]
    if not hasattr(fcntl, "F_SETSIG"):
        return [found, *arguments]
    return [sys.executable, "-I", "-S", str(_LIFELINE), str(lifeline), found, *arguments]
