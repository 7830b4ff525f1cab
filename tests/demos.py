"""``workers demo`` run as people run it, in processes of their own; several side by side where asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LASTS_S = 300
SIDE_BY_SIDE = 3


class Ran(NamedTuple):
    """One demo that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        assert self.code in (0, 1), self.stderr
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    @property
    def printed_by_workers(self) -> str:
        """All that the workers printed."""
        files = sorted(file for file in Path(self.result["logs"]).rglob("*") if file.is_file())
        assert files
        return "\n".join(file.read_text(errors="replace") for file in files)

    def total(self, counted: str) -> int:
        """Sum a count up over all workers."""
        return sum(counts[counted] for counts in self.result["workers"].values())


def demo(folder: Path, *arguments: object, variables: Mapping[str, str] | None = None) -> Ran:
    """Run one demo whose files lie in ``folder``."""
    ended = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "worker_runtime.cli", "demo", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder), **(variables or {})},
        capture_output=True,
        text=True,
        timeout=LASTS_S,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def demos(folder: Path, calls: Sequence[Sequence[object]]) -> list[Ran]:
    """Run demos side by side, each in a folder of its own, and return them in the order of ``calls``."""

    def run(call: tuple[int, Sequence[object]]) -> Ran:
        at, arguments = call
        own = folder / str(at)
        own.mkdir()
        return demo(own, *arguments)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(run, enumerate(calls)))


def assert_nothing_lost(ran: Ran) -> None:
    """Hold a demo to its ledger's word."""
    result = ran.result
    assert result["findings"] == []
    assert result["holds"]
    assert ran.code == 0
    assert sum(result["endings"].values()) == result["events"]
