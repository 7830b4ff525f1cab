"""What an examination finds: who, what, and the cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

from worker_runtime.errors import (
    BrokenPlugin,
    DuplicateWorker,
    IncompatiblePlugin,
    ServiceCycle,
    ServiceMissing,
)

if TYPE_CHECKING:
    from worker_runtime.errors import WorkerRuntimeError

Level = Literal["broken", "warning"]

_CURES: Final[dict[type[Exception], str]] = {
    DuplicateWorker: "uninstall one of them.",
    IncompatiblePlugin: "install another version of the plugin or of worker-runtime.",
    ServiceMissing: "add provide(...) of it to the plugin's services().",
    ServiceCycle: "let one take what both need.",
    BrokenPlugin: "mend it there, or uninstall the distribution.",
}


class Finding(Struct, frozen=True):
    """One thing that is broken, or that will surprise somebody in production."""

    level: Level
    who: str
    what: str
    cure: str


def broken(who: str, error: WorkerRuntimeError) -> Finding:
    """Read a finding from an error of the runtime, which ends in its cure after the last semicolon."""
    what, separator, cure = str(error).rpartition("; ")
    if not separator:
        what = str(error)
        cure = next((text for kind, text in _CURES.items() if isinstance(error, kind)), "mend it there.")
    return Finding("broken", who, what, cure)


def warning(who: str, what: str, *, cure: str) -> Finding:
    """Make a finding that breaks nothing yet."""
    return Finding("warning", who, what, cure)


def as_plain(findings: list[Finding]) -> dict[str, Any]:
    """Put findings into the shape of ``workers doctor --json``."""
    return {"broken": any(each.level == "broken" for each in findings), "findings": findings}
