"""What a measured cold start comes to: milliseconds, each a median over the rounds."""

from __future__ import annotations

from msgspec import Struct


class Phase(Struct, frozen=True):
    """A part of a cold start, and what it took."""

    name: str
    ms: float


class Imported(Struct, frozen=True):
    """A module, what its import took with all that it imports, and by itself."""

    module: str
    ms: float
    own_ms: float


class ColdStart(Struct, frozen=True, kw_only=True, rename="camel"):
    """From a new process to its first reply, beside a bare handler's.

    ``raised`` is what the first invocation raised, None where it replied.
    """

    worker: str
    rounds: int
    total_ms: float
    bare_ms: float
    ratio: float
    phases: list[Phase]
    bare_phases: list[Phase]
    imports: list[Imported]
    raised: str | None
