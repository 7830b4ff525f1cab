"""How a new worker is tried at once: the command, with the variables that its declaration asks for."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import worker_runtime
from worker_runtime.cli.skeletons.names import worker_names
from worker_runtime.cli.skeletons.places import shown
from worker_runtime.cli.skeletons.sources import told
from worker_runtime.local.invoke import variables_needed

if TYPE_CHECKING:
    from worker_runtime.cli.skeletons.sources import SourceKind
    from worker_runtime.sources import Source

_ACCOUNT = "http://127.0.0.1:4566/000000000000"  # where an emulator has its queues; nothing is called there


def command_to_try(worker_id: str, *, source: SourceKind, event: Path) -> str:
    """Word the command that runs a new worker on the event that was written with it, as a shell takes it."""
    grants = _declared(worker_id, source=source).grants()
    real = {grant.variable: f"{_ACCOUNT}/{grant.name}" for grant in grants} | {"AWS_REGION": "us-east-1"}
    variables = [f"{name}={real[name]}" for name in sorted(variables_needed(grants))]
    return shlex.join((*variables, own_command("workers"), "invoke", worker_id, "--event", shown(event)))


def own_command(name: str) -> str:
    """Name a command of the environment that this one runs in, as it is called from here."""
    return shown(Path(sys.executable).with_name(name))


def _declared(worker_id: str, *, source: SourceKind) -> Source:
    """Make the source that the skeleton declares."""
    text = told(source, worker_names(worker_id))["declared"]
    names = {name: getattr(worker_runtime, name) for name in worker_runtime.__all__}
    made: Source = eval(text, names)  # noqa: S307 - a text of our own, its names checked
    return made
