"""What every real part of the local stage is: started once, stopped cleanly, a context manager."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from worker_runtime.errors import WorkerRuntimeError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class PartBroken(WorkerRuntimeError):
    """A part of the stage cannot run on this machine as it is set up."""


class Part(ABC):
    """A server or a set of processes that lives from ``start`` to ``stop``."""

    @abstractmethod
    def start(self) -> Self:
        """Bring the part up and return it ready for use; raise ``PartBroken`` where it cannot."""

    @abstractmethod
    def stop(self) -> None:
        """Take the part down, leaving no process and no port; stopping twice is harmless."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
