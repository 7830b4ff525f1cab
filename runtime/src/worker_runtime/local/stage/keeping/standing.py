"""How a stage stands, written to its state folder again and again: what ``workers stage status`` reads."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct

from worker_runtime.local.stage.aws_clients import CREDENTIALS
from worker_runtime.local.stage.counting import (
    WorkerCounts,
)
from worker_runtime.local.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.options import StageOptions

EVERY_S = 1.0
"""How often it is written, in the machine's seconds."""

_FILE = "standing.json"


class Standing(Struct, frozen=True, kw_only=True):
    """A stage at one moment; times are epoch seconds, ``stage_time`` by its own clock.

    ``environment`` leads other commands to it. ``over`` is said last, by a stage that ended in order.
    """

    pid: int
    stacks: tuple[str, ...]
    speed: float
    faults: tuple[str, ...]
    in_process: bool
    up_since: float
    told_at: float
    stage_time: float
    logs: str
    environment: dict[str, str]
    queues: dict[str, str]  # URLs by logical names
    dead_letters: tuple[str, ...]  # which of the queues
    workers: dict[str, WorkerCounts]
    urls: dict[str, tuple[str, ...]] = {}
    over: bool = False


class Standable(Protocol):
    """As much of a stage as its standing tells."""

    @property
    def options(self) -> StageOptions:
        """What was asked of it."""

    @property
    def clock(self) -> Clock:
        """Its clock."""

    @property
    def logs(self) -> Path:
        """The folder of what the workers print."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables that lead to it."""

    def queues(self) -> Mapping[str, str]:
        """Return the URLs of all queues."""

    def dead_letter_queues(self) -> Collection[str]:
        """Name those for dead letters."""

    def workers(self) -> Mapping[str, WorkerCounts]:
        """Count what each worker has done."""

    def urls(self) -> Mapping[str, tuple[str, ...]]:
        """Return where workers answer HTTP."""


class Told:
    """Writes the standing of one run of a stage to its folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._up_since = time.time()
        self._last: Standing | None = None

    def tell(self, stage: Standable) -> None:
        """Write how the stage stands now."""
        options = stage.options
        self._write(
            Standing(
                pid=os.getpid(),
                stacks=options.stacks,
                speed=options.speed,
                faults=tuple(sorted(options.faults)),
                in_process=options.in_process,
                up_since=self._up_since,
                told_at=time.time(),
                stage_time=stage.clock.now(),
                logs=str(stage.logs),
                environment=_without_credentials(stage.environment()),
                queues=dict(stage.queues()),
                dead_letters=tuple(sorted(stage.dead_letter_queues())),
                workers=dict(stage.workers()),
                urls=dict(stage.urls()),
            )
        )

    def end(self) -> None:
        """Write that the stage is over, in order."""
        if self._last is not None:
            self._write(msgspec.structs.replace(self._last, over=True, told_at=time.time()))

    def _write(self, standing: Standing) -> None:
        write_whole(self._file, msgspec.json.encode(standing))
        self._last = standing


def _without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what may be a person's own, on an endpoint of theirs."""
    return {name: value for name, value in environment.items() if name not in CREDENTIALS}


def read_standing(folder: Path) -> Standing | None:
    """Read how the folder's stage stood last; None where none told."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Standing)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None
