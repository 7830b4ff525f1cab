"""The command where the extra ``local`` is missing: it says its version, and how the rest is had.

It needs nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MISUSED: Final = 2  # as the command has it
_EXTRA: Final = "local"


def run(arguments: Sequence[str], *, missing: str) -> int:
    """Answer a call without the package that is ``missing``, and return its exit code."""
    if arguments and arguments[0] == "--version":
        sys.stdout.write(f"workers {version('worker-runtime')}\n")
        return 0
    told = f"{missing} is not installed; the command comes with the extra '{_EXTRA}': {_cure()}"
    if "--json" in arguments:
        told = json.dumps({"error": {"kind": "ExtraMissing", "message": told}})
    else:
        told = f"workers: {told}"
    sys.stderr.write(f"{told}\n")
    return MISUSED


def _cure() -> str:
    """Word the command that installs it: for the plugins that are here, else for the runtime alone."""
    plugins = {each.dist for each in entry_points(group="worker_runtime.workers") if each.dist is not None}
    offering = {
        each.metadata["Name"] for each in plugins if _EXTRA in (each.metadata.get_all("Provides-Extra") or ())
    }
    wanted = " ".join(f"'{name}[{_EXTRA}]'" for name in sorted(offering or {"worker-runtime"}))
    return f"pip install {wanted}, from where it came from"
