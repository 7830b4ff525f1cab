"""Workers: can they be imported, is all that they ask for provided, are their settings readable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.errors import LoadError
from worker_runtime.loading import declared_worker
from worker_runtime.local.doctor.findings import Finding, broken
from worker_runtime.local.doctor.mappings import examine_sources
from worker_runtime.local.doctor.plugins import settings_errors
from worker_runtime.services import Services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.local.doctor.plugins import Examined
    from worker_runtime.workers import Declaration


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
        plugin = plugins[prefix]
        Services(plugin.offers).check(declaration.services, who=worker_id)
    except LoadError as error:
        return [broken(worker_id, error)]
    return [
        *_settings(worker_id, declaration, plugin),
        *examine_sources(worker_id, declaration, expected_s=expected_s),
    ]


def _settings(worker_id: str, declaration: Declaration, plugin: Examined) -> Iterator[Finding]:
    """Find secrets that the settings name and the worker, which reads them, is not granted."""
    granted = {grant.variable: grant.name for grant in declaration.all_grants}
    for wanted in _asked_for(declaration.services, plugin):
        for error in settings_errors(plugin.name, plugin.manager, variables=granted, wanted=wanted):
            if "is not set" in str(error):
                cure = "grant it with secret(...), or do not name it in the settings."
                yield Finding("broken", worker_id, f"its settings need what it is not granted: {error}", cure)


def _asked_for(wanted: Mapping[str, Any], plugin: Examined) -> set[Any]:
    """List the types of all services that a worker needs, and those that they need in turn."""
    needs = {offer.type: offer.needs for offer in plugin.offers}
    found: set[Any] = set()
    waiting = list(wanted.values())
    while waiting:
        service = waiting.pop()
        if service not in found:
            found.add(service)
            waiting.extend(needs[service].values())
    return found
