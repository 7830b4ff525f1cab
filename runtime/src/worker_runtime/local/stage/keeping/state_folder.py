"""A stage's state folder: whose it is, who uses it now, and what lies where in it."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.locked_files import locked
from worker_runtime.local.stage.parts.kept_ministack import IN_ORDER, was_lost
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

FORMAT: Final = 1
"""Raised with each change of what is kept that an earlier stage's folder cannot be read with."""

EMULATOR_STATE: Final = "emulator/state"
"""Where in the folder the emulator writes its state."""

OWNER_ALONE: Final = 0o700
"""The mode of the folder, since messages and items are in it."""

_LOCK: Final = "stage.lock"
_EMULATOR_LOCK: Final = "emulator.lock"
_SAVING_S: Final = 30.0  # for the emulator of a stage that was killed just now


class FolderInUse(WorkerRuntimeError):
    """Another stage runs in the folder."""


def in_use(folder: Path) -> FolderInUse:
    """Word that a stage runs in the folder, and the cure."""
    return FolderInUse(
        f"{folder} is in use by a stage that runs; stop it with"
        f" `workers stage down --state {folder}`, or name another folder with --state."
    )


class FolderRefused(WorkerRuntimeError):
    """The folder is no stage's, or no stage can go on from it."""


class Begun(Struct, frozen=True, kw_only=True):
    """What ``stage.json`` says: the form of all else in the folder, and what the stage was begun with."""

    format: int
    stacks: tuple[str, ...]
    begun_at: float
    endpoint_url: str | None = None


class StateFolder(Part):
    """One folder, used by this stage alone from ``start`` to ``stop``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts = ExitStack()

    @property
    def emulator(self) -> Path:
        """Where the emulator keeps to."""
        return self.path / "emulator"

    @property
    def emulator_state(self) -> Path:
        """Where the emulator writes its state."""
        return self.path / EMULATOR_STATE

    @property
    def kafka(self) -> Path:
        """Where the Kafka broker writes its topics."""
        return self.path / "kafka"

    @property
    def redis(self) -> Path:
        """Where Redis writes."""
        return self.path / "redis"

    @property
    def memories(self) -> Path:
        """The file of what the stage's own parts remember."""
        return self.path / "kept.sqlite"

    @property
    def emulator_holds(self) -> int:
        """The descriptor that the emulator is to hold open: while it does, nobody else uses the folder."""
        return self._emulator_lock

    def start(self) -> Self:
        """Take the folder, which is made where it is missing; raises FolderInUse and FolderRefused."""
        with ExitStack() as parts:
            self._refuse_foreign()
            self.path.mkdir(parents=True, exist_ok=True)
            with suppress(PermissionError):  # a folder that another person made and shares
                self.path.chmod(OWNER_ALONE)
            lock = locked(self.path / _LOCK, parts)
            if lock is None:
                raise in_use(self.path)
            os.ftruncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
            parts.callback(os.ftruncate, lock, 0)  # no id stays that may be somebody else's next time
            emulator_lock = locked(self.path / _EMULATOR_LOCK, parts, within_s=_SAVING_S)
            if emulator_lock is None:
                raise FolderInUse(f"an emulator that was left behind still uses {self.path}; end it.")
            self._emulator_lock = emulator_lock
            if was_lost(self.emulator_state):
                raise FolderRefused(
                    f"{self.path}: the emulator was killed before it wrote its queues, tables and streams,"
                    f" so no stage can go on there;"
                    f" `workers stage up --fresh --state {self.path}` begins anew."
                )
            self._parts = parts.pop_all()
        return self

    def stop(self) -> None:
        """Leave the folder to others."""
        self._parts.close()

    def begin(self, stacks: tuple[str, ...], *, endpoint_url: str | None) -> None:
        """Write what the stage is begun with; raises FolderRefused where it was begun with another AWS."""
        begun = read_begun(self.path)
        if begun is not None and begun.endpoint_url != endpoint_url:
            raise FolderRefused(
                f"{self.path} was begun with {_where(begun.endpoint_url)}, not with {_where(endpoint_url)};"
                f" name another folder with --state."
            )
        at = time.time() if begun is None else begun.begun_at
        said = Begun(format=FORMAT, stacks=stacks, begun_at=at, endpoint_url=endpoint_url)
        (self.path / "stage.json").write_bytes(msgspec.json.format(msgspec.json.encode(said)))

    def emulator_ended_at(self) -> float | None:
        """Tell when the emulator of the last run ended (epoch seconds); None where none did."""
        file = self.emulator_state / IN_ORDER
        return file.stat().st_mtime if file.exists() else None

    def _refuse_foreign(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise FolderRefused(f"{self.path} is no folder; name one with --state.")
        begun = read_begun(self.path)
        if begun is None and (others := _others(self.path)):
            raise FolderRefused(
                f"{self.path} is no stage's folder: it holds {others[0]}. Name a new or an empty one."
            )
        if begun is not None and begun.format != FORMAT:
            raise FolderRefused(
                f"{self.path} was written by another version of the stage (format {begun.format}, this one"
                f" writes {FORMAT}). Remove the folder, or name another with --state."
            )


def read_begun(folder: Path) -> Begun | None:
    """Read what a folder's stage began with; None where it is none's; FolderRefused where it is broken."""
    try:
        return msgspec.json.decode((folder / "stage.json").read_bytes(), type=Begun)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, OSError) as error:
        raise FolderRefused(
            f"{folder / 'stage.json'} cannot be read: {error}. Remove the folder, or name another."
        ) from error


def is_lost(folder: Path) -> bool:
    """Whether what a folder's emulator held is lost, so that no stage can go on; False while one runs."""
    if not was_lost(folder / EMULATOR_STATE):
        return False
    with ExitStack() as parts:
        locks = (locked(folder / each, parts) for each in (_LOCK, _EMULATOR_LOCK))
        return None not in locks and was_lost(folder / EMULATOR_STATE)


def user_of(folder: Path) -> int | None:
    """Tell the process id of the stage that runs in the folder; None where none does."""
    file = folder / _LOCK
    if not file.exists():
        return None
    with ExitStack() as parts:
        if locked(file, parts) is not None:
            return None
        said = file.read_text()
        return int(said) if said.isdecimal() else 0  # 0: it has taken the folder this moment


_OWN_BEFORE_BEGINNING: Final = {_LOCK, _EMULATOR_LOCK, "kept.sqlite"}  # a stage that did not get far


def _others(folder: Path) -> list[str]:
    names = sorted(each.name for each in folder.iterdir())
    return [name for name in names if name not in _OWN_BEFORE_BEGINNING]


def _where(endpoint_url: str | None) -> str:
    return "an emulator of its own" if endpoint_url is None else endpoint_url
