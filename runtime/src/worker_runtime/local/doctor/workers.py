"""Workers: can they be imported, and is all that they ask for provided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.errors import LoadError
from worker_runtime.loading import declared_worker
from worker_runtime.local.doctor.findings import Finding, broken
from worker_runtime.local.doctor.mappings import examine_sources
from worker_runtime.services import Services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.local.doctor.plugins import Examined


def examine_worker(
    worker_id: str, catalogue: Catalogue, *, plugins: Mapping[str, Examined], expected_s: float | None
) -> list[Finding]:
    """Examine one worker; one whose plugin is broken, which is a finding of its own, only by itself."""
    prefix, dot, bare = worker_id.partition(".")
    if not (prefix and dot and bare):
        cure = f'name it "plugin.{worker_id}" in its distribution\'s entry points.'
        return [Finding("broken", worker_id, "its id names no plugin.", cure)]
    try:
        declaration = declared_worker(worker_id, catalogue.worker(worker_id)).declaration
        if prefix not in plugins:
            catalogue.plugin(prefix)
            return examine_sources(worker_id, declaration, expected_s=expected_s)
        Services(plugins[prefix].offers).check(declaration.services, who=worker_id)
    except LoadError as error:
        return [broken(worker_id, error)]
    return examine_sources(worker_id, declaration, expected_s=expected_s)
