"""The real command, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
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
        cwd: Path | None = None,
    ) -> Done:
        """Run it to its end; ``site`` holds plugins for it to find, ``env`` adds variables."""
        done = subprocess.run(  # noqa: S603 - our own command
            [*COMMAND, *arguments],
            env={**self.environment(site), **(env or {})},
            input=stdin,
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
