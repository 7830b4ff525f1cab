"""The workers of a stage: their declarations, and the environment in which each runs."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import LoadError, WorkerRuntimeError
from worker_runtime.loading import declared_worker
from worker_runtime.local.hooks import local_plugin
from worker_runtime.local.offers import OutsideSecret, OutsideService, OutsideTable
from worker_runtime.local.stage.execution.invocations import UNRESERVED_CONCURRENCY, Function
from worker_runtime.local.stage.names import local_name
from worker_runtime.manifest import HANDLER, RUNTIME_VARIABLES
from worker_runtime.settings_files import merged_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.polling.stage_time import StageClock
    from worker_runtime.workers import Declaration

CONFIG_ENV = "local"

_log = logging.getLogger(__name__)


class NothingToStage(WorkerRuntimeError):
    """No installed worker belongs to the stack."""


class StackBroken(WorkerRuntimeError):
    """A worker that may belong to the stack cannot be imported."""


def declarations(catalogue: Catalogue, *, stack: str | None) -> dict[str, Declaration]:
    """Import the workers of a stack, or of all; a neighbour that cannot be imported is passed over."""
    found, broken = _imported(catalogue, stacks=() if stack is None else (stack,))
    for worker_id, error in broken.items():
        _log.warning("%s is passed over: %s", worker_id, error)
    return found


def whole_stacks(catalogue: Catalogue, *, stacks: Collection[str]) -> dict[str, Declaration]:
    """Import the workers of stacks, or of all where none is named.

    Raises NothingToStage, and StackBroken where a worker of one of their plugins is broken.

    Which stack a broken worker is of cannot be known; what other plugins bring is passed over.
    """
    found, broken = _imported(catalogue, stacks=stacks)
    plugins = set(plugins_of(found))
    for worker_id, error in broken.items():
        if not stacks or worker_id.partition(".")[0] in plugins:
            raise StackBroken(
                f"{worker_id} cannot be staged: {error}. Mend or uninstall it; `workers doctor` says more."
            )
        _log.warning("%s is not staged: %s", worker_id, error)
    return found


def _imported(
    catalogue: Catalogue, *, stacks: Collection[str]
) -> tuple[dict[str, Declaration], dict[str, LoadError]]:
    """Import all workers: those of the stacks, and why the broken ones of any stack are broken."""
    found, broken, there = {}, {}, set()
    for worker_id in sorted(catalogue.workers):
        try:
            declaration = declared_worker(worker_id, catalogue.worker(worker_id)).declaration
        except LoadError as error:
            broken[worker_id] = error
            continue
        there.add(declaration.stack.name)
        if not stacks or declaration.stack.name in stacks:
            found[worker_id] = declaration
    if not found or not there.issuperset(stacks):
        known = ", ".join(sorted(there)) or "none; install a plugin"
        sought = ", ".join(sorted(set(stacks) - there))
        lost = "".join(f" {worker_id} cannot be imported: {error}." for worker_id, error in broken.items())
        raise NothingToStage(
            f"no installed worker is in the stack {sought!r}. Installed stacks: {known}.{lost}"
        )
    return found, broken


def plugins_of(worker_ids: Iterable[str]) -> list[str]:
    """Name the plugins that bring these workers."""
    return sorted({worker_id.partition(".")[0] for worker_id in worker_ids})


@dataclass(frozen=True, slots=True)
class Offers:
    """What the plugins' ``stand_ins()`` hooks give: tables, services by who calls them, secrets."""

    tables: tuple[OutsideTable, ...]
    services: tuple[tuple[str, OutsideService], ...]
    own_secrets: tuple[OutsideSecret, ...] = ()

    @property
    def secrets(self) -> dict[str, Mapping[str, str]]:
        """The values of all secrets, by logical name."""
        of_services = {name: value for _, service in self.services for name, value in service.secrets.items()}
        return of_services | {secret.name: secret.value for secret in self.own_secrets}


def offers_of(plugins: Iterable[str], catalogue: Catalogue) -> Offers:
    """Ask the plugins' local hooks for what stands in for the outside."""
    tables: dict[str, OutsideTable] = {}
    services: list[tuple[str, OutsideService]] = []
    secrets: list[OutsideSecret] = []
    for plugin in plugins:
        if plugin not in catalogue.local:
            continue
        for offer in local_plugin(plugin, catalogue).offers("stand_ins"):
            if isinstance(offer, OutsideTable):
                tables[offer.name] = offer
            elif isinstance(offer, OutsideSecret):
                secrets.append(offer)
            else:
                services.append((plugin, offer))
    return Offers(tuple(tables.values()), tuple(services), tuple(secrets))


def write_settings(
    file: Path, *, plugins: Iterable[str], catalogue: Catalogue, urls: Mapping[str, Mapping[str, str]]
) -> None:
    """Write the plugins' settings as the build does, with ``urls`` (plugin, dotted path) in their place."""
    merged = {}
    for plugin in plugins:
        package = catalogue.plugin(plugin).load().__package__ if plugin in catalogue.plugins else ""
        merged[plugin] = merged_settings(package, config_env=CONFIG_ENV) if package else {}
        for path, url in urls.get(plugin, {}).items():
            _put(merged[plugin], path.split("."), url)
    file.write_text(json.dumps(merged, indent=1))


def _put(settings: dict[str, Any], path: list[str], value: str) -> None:
    *parents, last = path
    for name in parents:
        settings = settings.setdefault(name, {})
    settings[last] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all workers of a stage share: names, the AWS endpoint they see, settings, clock, credentials."""

    names: Names
    endpoint_url: str
    settings_file: Path
    clock: StageClock
    credentials: Mapping[str, str]
    region: str


def environment_of(worker_id: str, declaration: Declaration, *, around: Surroundings) -> dict[str, str]:
    """Set exactly the variables that the manifest names, and what points a process at the stage."""
    values = {
        "APP_NAME": worker_id,
        "AWS_REGION": around.region,
        "CONFIG_ENV": CONFIG_ENV,
        "ENVIRONMENT_TAG": CONFIG_ENV,
        "LOG_LEVEL": "INFO",
        "WORKER_PLUGINS": "",
        "WORKER_SETTINGS": str(around.settings_file),
    }
    stage_only = {
        "AWS_ENDPOINT_URL": around.endpoint_url,
        "WORKER_CLOCK": str(around.clock),
        **around.credentials,
        **({"PYTHONPATH": path} if (path := os.environ.get("PYTHONPATH")) else {}),
    }
    named = {name: values[name] for name in RUNTIME_VARIABLES}
    return {**named, **around.names.variables(declaration.all_grants), **stage_only}


def function_of(worker_id: str, declaration: Declaration, *, around: Surroundings, folder: Path) -> Function:
    """Configure a worker's function; ``folder`` is where its processes start."""
    return Function(
        name=local_name(worker_id),
        handler=HANDLER,
        timeout_s=declaration.timeout_s,
        memory_mb=declaration.memory_mb,
        max_concurrency=declaration.reserved_concurrency or UNRESERVED_CONCURRENCY,
        region=around.region,
        environment=environment_of(worker_id, declaration, around=around),
        task_root=folder,
    )
