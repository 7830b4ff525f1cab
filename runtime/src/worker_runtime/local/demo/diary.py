"""What the driver of a scenario has done, so that on a stage that goes on it does nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.stage.keeping.memory import Memory

T = TypeVar("T")

_STEP: Final = "step"
_VALUE: Final = "value"
_BEGUN: Final = "begun"
_DONE: Final = "done"


class Diary:
    """The steps and values of one scenario on one stage; nothing is kept where the stage forgets."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._steps = {name: msgspec.json.decode(value) for name, value in memory.read(_STEP)}
        self._values = dict(memory.read(_VALUE))
        self.is_old = bool(self._steps)
        """Whether the scenario was begun by a run of the stage before this one."""

    def once(self, step: str, do: Callable[[], Any], *, resumed: Callable[[], Any] | None = None) -> None:
        """Do a step unless it was done; ``resumed`` instead, where it was begun and maybe done in part."""
        standing = self._steps.get(step)
        if standing == _DONE:
            return
        self._note(step, _BEGUN)
        (do if resumed is None or standing is None else resumed)()
        self._note(step, _DONE)

    def first(self, name: str, make: Callable[[], T], *, kind: Any = Any) -> T:
        """Return what was made the first time; ``kind`` is its type, where JSON does not say it."""
        if name in self._values:
            known: T = msgspec.json.decode(self._values[name], type=kind)
            return known
        made = make()
        self.write(name, made)
        return made

    def write(self, name: str, value: Any) -> None:
        """Keep a value over the one that was there."""
        self._values[name] = msgspec.json.encode(value)
        self._memory.put(_VALUE, name, self._values[name])

    def _note(self, step: str, standing: str) -> None:
        self._steps[step] = standing
        self._memory.put(_STEP, step, msgspec.json.encode(standing))
