"""A scenario on a stage that goes on: begun once in a state folder, and gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime.local.commands.reporting import Misuse

if TYPE_CHECKING:
    from worker_runtime.local.stage.keeping.memory import Memory

_OWNER: Final = "asked"


class AskedScenario(Struct, frozen=True, kw_only=True):
    """Which scenario, how much of it, drawn from which seed, with poison among its items or not."""

    scenario: str
    events: int
    seed: int
    poison: bool

    def __str__(self) -> str:
        poison = " with poison" if self.poison else ""
        return f"{self.scenario} of {self.events} items from seed {self.seed}{poison}"


def refuse_another(asked: AskedScenario, *, memory: Memory) -> bool:
    """Keep what is asked; raises Misuse where another was begun. Whether it was begun before."""
    for _, value in memory.read(_OWNER):
        begun = msgspec.json.decode(value, type=AskedScenario)
        if begun != asked:
            raise Misuse(
                f"the folder is in the middle of {begun}, not of {asked}; ask for the same,"
                f" begin anew with --fresh, or name another folder with --state."
            )
        return True
    memory.put(_OWNER, "scenario", msgspec.json.encode(asked))
    return False
