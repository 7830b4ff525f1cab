"""The ``workers`` command. Its groups stand here; each one's module is imported when it is called.

Nothing here needs more than the standard library: an installation without the ``local`` extra says its
version, and is told what it lacks instead of being shown a traceback.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

INTERRUPTED: Final = 130  # as shells have it
NEEDED: Final = frozenset({"typer", "rich", "shellingham"})


class Group(NamedTuple):
    """A command or a group of commands: its module has a typer app named ``app``."""

    module: str
    summary: str


GROUPS: Final = {
    "demo": Group("worker_runtime.cli.demo", "Run a job on a local stage and prove that nothing was lost."),
    "stage": Group("worker_runtime.cli.stage", "Keep stacks up on this machine, and look at them."),
    "list": Group("worker_runtime.cli.listing", "List the installed workers, the broken ones among them."),
    "invoke": Group("worker_runtime.cli.invoke", "Run one worker on one recorded event, in this process."),
    "explain-filter": Group(
        "worker_runtime.cli.explain_filter", "Say which filter takes or refuses each record of an event."
    ),
    "coldstart": Group("worker_runtime.cli.coldstart", "Say where a worker's cold start spends its time."),
    "manifest": Group("worker_runtime.cli.manifest", "Describe every worker as plain data, or check a file."),
    "doctor": Group("worker_runtime.cli.doctor", "Say what is wrong with what is installed, and the cure."),
    "trace": Group("worker_runtime.cli.trace", "Tell a record's way through a stage as a tree."),
    "record": Group("worker_runtime.cli.record", "Record what waits in a queue or stream, as events."),
    "replay": Group("worker_runtime.cli.replay", "Run recorded events again, and compare."),
    "dead-letters": Group("worker_runtime.cli.dead_letters", "List, show and send back dead letters."),
    "new": Group("worker_runtime.cli.new", "Write the skeleton of a plugin or a worker."),
}
"""In the order of ``workers --help``; a group is added by a line here."""


def main() -> int:
    """Run the command on ``sys.argv``; returns an exit code where it cannot start or is interrupted."""
    try:
        return _run()
    except KeyboardInterrupt:  # before the command has begun: of later ones it tells itself
        return INTERRUPTED


def _run() -> int:
    try:
        from worker_runtime.cli.root import app  # noqa: PLC0415 - needs what may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        from worker_runtime.cli import without_extra  # noqa: PLC0415 - where it is needed alone

        return without_extra.run(sys.argv[1:], missing=error.name or "")
    app(prog_name="workers")
    return 0
