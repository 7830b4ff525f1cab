"""From a worker's name to its measured cold start, on what is installed here."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_runtime.catalogue import installed
from worker_runtime.loading import declared_worker
from worker_runtime.local.coldstart.layered import layered
from worker_runtime.local.coldstart.measuring import functions, measure
from worker_runtime.local.coldstart.surroundings import first_event, variables_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.coldstart.report import ColdStart


def measured(name: str, *, variables: Mapping[str, str], event: Any, rounds: int) -> ColdStart:
    """Measure the cold start of a worker; without an ``event`` it begins with one that asks nothing of it.

    ``variables`` are its environment, beside what Lambda sets and what is made up. Raises LoadError
    where it cannot be loaded, DidNotStart where its process ends early.
    """
    catalogue = installed()
    worker_id = catalogue.find(name)
    entry = catalogue.worker(worker_id)
    declaration = declared_worker(worker_id, entry).declaration
    begun_with = first_event(worker_id, declaration) if event is None else event
    plugins = variables.get("WORKER_PLUGINS", "").replace(",", " ").split()
    brought = [catalogue.plugin(each).distribution for each in (worker_id.partition(".")[0], *plugins)]
    with tempfile.TemporaryDirectory(prefix="coldstart-") as folder:
        site = layered(
            Path(folder),
            catalogue=catalogue,
            distributions=(entry.distribution, *brought, "worker-runtime", "awslambdaric"),
        )
        named = variables_for(
            worker_id, declaration, catalogue=catalogue, given=variables, folder=Path(folder)
        )
        worker, bare = functions(site, variables=named, timeout_s=declaration.timeout_s)
        return measure(worker, bare, event=begun_with, rounds=rounds)
