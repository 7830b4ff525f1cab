"""``workers list``: what is installed, a broken worker or plugin as a row with its error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from worker_runtime.local.commands.options import AsJson, StackName, refuse_unknown_stack
from worker_runtime.local.commands.reporting import Output, answering, examples

if TYPE_CHECKING:
    from worker_runtime.local.inventory import Inventory, PluginRow, WorkerRow

    Cell = tuple[str, str]

app = typer.Typer(add_completion=False)


@app.command(
    "list", epilog=examples("workers list", "workers list --stack dmnd", "workers list --json | jq .workers")
)
def list_workers(*, stack: StackName = None, as_json: AsJson = False) -> None:
    """List the installed workers: id, stack, sources, distribution.

    What is broken is a row with its error and disturbs nothing; `workers doctor` fails on it.

    A worker that cannot be imported has no known stack and stands in the list of every one.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
        from worker_runtime.local.inventory import of_stack, stacks, take_inventory  # noqa: PLC0415

        found = take_inventory(installed())
        if stack is not None:
            refuse_unknown_stack(stack, there=stacks(found))
            found = of_stack(found, stack)
        if as_json:
            output.json(found)
        else:
            _show(found, output)


def _show(found: Inventory, output: Output) -> None:
    broken = [row for row in found.plugins if row.error]
    if found.workers:
        rows = [_worker(row) for row in found.workers]
        output.table(("worker", "stack", "sources", "distribution"), rows)
    if broken:
        output.table(("plugin", "", "", "distribution"), [_plugin(row) for row in broken])
    if not found.workers and not broken:
        output.text("No worker is installed; `pip install` a plugin.")


def _worker(row: WorkerRow) -> list[Cell]:
    sources = "\n".join(f"{source.kind} {source.name}" for source in row.sources)
    told = (row.error, "red") if row.error else (sources, "")
    return [(row.id, "red" if row.error else "bold"), (row.stack or "?", ""), told, _distribution(row)]


def _plugin(row: PluginRow) -> list[Cell]:
    return [(row.name, "red"), ("", ""), (row.error or "", "red"), _distribution(row)]


def _distribution(row: WorkerRow | PluginRow) -> Cell:
    return (f"{row.distribution} {row.version}", "dim")
