"""The real names of what a stage provisions, by the logical names that declarations use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.grants import Kind, variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker_runtime.grants import Grant

StagedKind = Kind | Literal["topic", "subscription", "bus", "relay", "kafka topic"]
"""What a stage names; what workers are not granted has no variable."""


class NotStaged(WorkerRuntimeError):
    """A resource that this stage does not have."""


def local_name(logical: str) -> str:
    """Name a resource of the stage: ``save-entries`` is ``local-save-entries``."""
    return f"local-{logical.replace('.fifo', '').replace('.', '-')}" + (
        ".fifo" if logical.endswith(".fifo") else ""
    )


class Names:
    """What carries a logical name in reality: a queue's URL, a stream's ARN, else a name or URL."""

    def __init__(self) -> None:
        self._real: dict[tuple[StagedKind, str], str] = {}

    def add(self, kind: StagedKind, logical: str, real: str) -> None:
        """Enter a resource."""
        self._real[kind, logical] = real

    def of(self, kind: StagedKind) -> list[str]:
        """List the logical names of a kind."""
        return sorted(logical for of, logical in self._real if of == kind)

    def named(self, kind: str, logical: str) -> str:
        """Return the real name, URL or ARN; raises NotStaged."""
        if kind == "index":
            kind, logical = "table", logical.partition("/")[0]
        try:
            return self._real[kind, logical]  # type: ignore[index]  # another kind is not there
        except KeyError:
            known = ", ".join(sorted(name for of, name in self._real if of == kind)) or "none"
            raise NotStaged(f"the stage has no {kind} {logical!r}; it has {known}.") from None

    def of_kind(self, kind: str) -> dict[str, str]:
        """Return the real names of all resources of a kind, by their logical names."""
        return {logical: real for (of, logical), real in self._real.items() if of == kind}

    def variables(self, grants: Iterable[Grant]) -> dict[str, str]:
        """Return the environment variables in which a worker finds what it was granted."""
        return {variable(grant.kind, grant.name): self.named(grant.kind, grant.name) for grant in grants}

    def all_variables(self) -> dict[str, str]:
        """Return the environment variables of all resources that have one."""
        named = self._real.items()
        granted: tuple[Kind, ...] = get_args(Kind)
        return {variable(kind, logical): real for (kind, logical), real in named if kind in granted}
