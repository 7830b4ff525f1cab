"""What a person may ask of a demo, faults among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

FAULTS: Final[Mapping[str, str]] = {
    "duplicate": "records are delivered more than once",
    "reorder": "records that promise no order come in another, and events overtake each other",
    "delay": "a batch that was taken is handed over late",
    "poison": "broken items and a stranger's message are among the input",
    "throttle": "Lambda refuses a worker's next invocations",
    "crash": "a worker process is killed before, within or after its work on a batch",
    "lost-reply": "a worker did all of a batch, and Lambda hears nothing of it",
    "malformed-reply": "a worker's reply is one that Lambda cannot read",
    "outage": "AWS, Redis and outside services fail or hang up for a while",
    "latency": "AWS, Redis and outside services take their time",
}
"""What each fault does, in the words of the screen; the stage injects all but the scenario's ``poison``."""


class Asked(Struct, frozen=True, kw_only=True, rename="camel"):
    """One demo: which scenario, how much of it, under which faults; ``speed`` is of the stage's clock."""

    scenario: str
    events: int = 50
    faults: frozenset[str] = frozenset()
    seed: int = 0
    in_process: bool = False
    speed: float = 20.0
