"""What a person may ask of a demo, faults among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

FAULTS: Final[Mapping[str, str]] = {
    "duplicate": "records are delivered more than once",
    "poison": "broken items and a stranger's message are among the input",
    "outage": "outside services fail for a while",
    "crash": "a worker process is killed in the middle of a batch",
}
"""What each fault does, in the words of the screen; the stage injects all but the scenario's ``poison``."""


class Asked(Struct, frozen=True, kw_only=True):
    """One demo: which scenario, how much of it, under which faults; ``speed`` is of the stage's clock."""

    scenario: str
    events: int = 50
    faults: frozenset[str] = frozenset()
    seed: int = 0
    in_process: bool = False
    speed: float = 20.0
