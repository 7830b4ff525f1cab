"""The real command, in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from installed import Site

COMMAND = (sys.executable, "-m", "worker_runtime.cli")


@dataclass(frozen=True)
class Done:
    """What the command left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read stdout, which is one JSON document."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """Read stderr, which is one JSON line."""
        (line,) = self.err.splitlines()
        return json.loads(line)["error"]


class Workers:
    """Runs ``workers`` in ``home``, with nothing of this process's environment but PATH."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(
        self,
        *arguments: str,
        site: Site | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        typed: str | None = None,
        cwd: Path | None = None,
    ) -> Done:
        """Run it to its end; ``site`` holds plugins for it to find, ``env`` adds variables.

        With ``typed`` its stdin is a terminal, on which this is typed.
        """
        with standard_input(stdin, typed=typed) as given:
            done = subprocess.run(  # noqa: S603 - our own command
                [*COMMAND, *arguments],
                env={**self.environment(site), **(env or {})},
                stdin=given,
                cwd=cwd or self.home,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        return Done(done.returncode, done.stdout, done.stderr)

    def environment(self, site: Site | None = None) -> dict[str, str]:
        """Name the variables that it sees."""
        found = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "xterm"}
        return {**found, "PYTHONPATH": str(site.folder)} if site else found


@contextmanager
def standard_input(text: str, *, typed: str | None) -> Iterator[IO[bytes]]:
    """Open a file that holds the text, or a terminal on which something is typed."""
    if typed is None:
        with tempfile.TemporaryFile() as file:
            file.write(text.encode())
            file.seek(0)
            yield file
        return
    ours, theirs = pty.openpty()
    with open(ours, "wb", buffering=0) as keys, open(theirs, "rb", buffering=0) as terminal:  # noqa: PTH123 - a file descriptor has no path
        keys.write(typed.encode())
        yield terminal
