"""What is installed, the broken among it: a row for every worker, whatever its neighbours are like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from worker_runtime.errors import LoadError
from worker_runtime.loading import declared_worker, load_plugins

if TYPE_CHECKING:
    from worker_runtime.catalogue import Catalogue, Entry
    from worker_runtime.workers import Declaration


class SourceRow(Struct, frozen=True):
    """One source of a worker, by its logical name."""

    kind: str
    name: str


class WorkerRow(Struct, frozen=True, kw_only=True):
    """One worker; where it is broken, ``error`` says how, and what is not known is None or empty."""

    id: str
    stack: str | None
    sources: list[SourceRow]
    distribution: str
    version: str
    error: str | None


class PluginRow(Struct, frozen=True, kw_only=True):
    """One plugin; where it is broken, ``error`` says how."""

    name: str
    distribution: str
    version: str
    error: str | None


class Inventory(Struct, frozen=True):
    """All that is installed, in the order of names."""

    workers: list[WorkerRow]
    plugins: list[PluginRow]


def take_inventory(catalogue: Catalogue) -> Inventory:
    """Import every worker and plugin and describe them."""
    plugins = [
        _plugin(name, each, catalogue)
        for name in sorted(catalogue.plugins)
        for each in _claims(catalogue.plugins[name])
    ]
    broken = {row.name: row.error for row in plugins if row.error}
    workers = [
        _worker(worker_id, each, catalogue, plugin_error=broken.get(worker_id.partition(".")[0]))
        for worker_id in sorted(catalogue.workers)
        for each in _claims(catalogue.workers[worker_id])
    ]
    return Inventory(workers, plugins)


def stacks(found: Inventory) -> list[str]:
    """Name the stacks that the workers are known to be of."""
    return sorted({row.stack for row in found.workers if row.stack})


def of_stack(found: Inventory, stack: str) -> Inventory:
    """Leave out the workers that are known to be of other stacks."""
    return Inventory([row for row in found.workers if row.stack in (stack, None)], found.plugins)


def _claims(entries: list[Entry]) -> list[Entry]:
    """Sort what several distributions claim, so that two runs show one order."""
    return sorted(entries, key=lambda entry: (entry.distribution, entry.version))


def _plugin(name: str, entry: Entry, catalogue: Catalogue) -> PluginRow:
    error = None
    try:
        load_plugins((name,), catalogue)
    except LoadError as failure:
        error = str(failure)
    return PluginRow(name=name, distribution=entry.distribution, version=entry.version, error=error)


def _worker(worker_id: str, entry: Entry, catalogue: Catalogue, *, plugin_error: str | None) -> WorkerRow:
    declaration: Declaration | None = None
    error = plugin_error
    try:
        catalogue.worker(worker_id)
        declaration = declared_worker(worker_id, entry).declaration
        catalogue.plugin(worker_id.partition(".")[0])
    except LoadError as failure:
        error = str(failure)
    return WorkerRow(
        id=worker_id,
        stack=declaration.stack.name if declaration else None,
        sources=[SourceRow(each.kind, each.name) for each in declaration.sources] if declaration else [],
        distribution=entry.distribution,
        version=entry.version,
        error=error,
    )
