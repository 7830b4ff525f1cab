"""The end of a stage whose emulator ended under it: AWS is gone, and nothing on the stage can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.keeping.state_folder import EMULATOR_STATE
from worker_runtime.local.stage.parts.kept_ministack import was_lost

if TYPE_CHECKING:
    from worker_runtime.local.stage.options import StageOptions
    from worker_runtime.local.stage.threads.threads import Flag


class EmulatorLost(WorkerRuntimeError):
    """The emulator ended though nobody stopped it."""


class EmulatorWatch:
    """Ends what people do on a stage as soon as its emulator has ended."""

    def __init__(self, lost: Flag, options: StageOptions) -> None:
        self._lost = lost
        self._options = options

    @property
    def is_lost(self) -> bool:
        """Whether it has ended."""
        return self._lost.is_set()

    def check(self) -> None:
        """Raise EmulatorLost where the emulator has ended."""
        if self._lost.is_set():
            raise EmulatorLost(f"the emulator of AWS ended under its stage; {_cure(self._options)}")

    def wait(self) -> None:
        """Wait until it ends, which may be for ever, and raise EmulatorLost then."""
        self._lost.wait()
        self.check()


def _cure(options: StageOptions) -> str:
    if not options.goes_on or options.state_dir is None:
        return "run it again."
    folder = options.state_dir
    if was_lost(folder / EMULATOR_STATE):
        return (
            "what it held in memory is lost."
            f" `workers stage up --fresh --state {folder}` begins the stage anew."
        )
    return f"what it held was kept. `workers stage up --state {folder}` goes on with it."
