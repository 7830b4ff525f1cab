"""Every worker as plain data: what Terraform, the stage and the documents are made from."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.loading import declared_worker

if TYPE_CHECKING:
    from worker_runtime.catalogue import Catalogue
    from worker_runtime.workers import Declaration

SCHEMA_VERSION: Final = 1
RUNTIME_VARIABLES: Final = (
    "APP_NAME",
    "AWS_REGION",
    "CONFIG_ENV",
    "ENVIRONMENT_TAG",
    "LOG_LEVEL",
    "WORKER_PLUGINS",
    "WORKER_SETTINGS",
)
HANDLER: Final = "worker_runtime.handler.handler"


class GrantEntry(msgspec.Struct, frozen=True, rename="camel"):
    """What a worker may do to one resource, and the variable that names it.

    ``keys`` are patterns of a table's hash keys or of a bucket's object keys; without any the grant holds for
    all items or objects.
    ``read_only_variable`` names its replica, where it has one; the worker does without.
    """

    kind: str
    name: str
    actions: list[str]
    keys: list[str]
    variable: str
    read_only_variable: str | None


class WorkerEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One worker; names are logical, the same in every environment."""

    id: str
    description: str
    stack: str
    distribution: str
    version: str
    handler: str
    timeout_s: int
    memory_mb: int
    concurrency: int
    reserved_concurrency: int | None
    sources: list[dict[str, Any]]
    grants: list[GrantEntry]
    environment: list[str]


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """All workers that are described, in the order of their ids."""

    schema_version: int
    workers: list[WorkerEntry]


def manifest(catalogue: Catalogue, *, stack: str | None = None) -> Manifest:
    """Describe the installed workers, of one stack or of all."""
    entries = []
    for worker_id in sorted(catalogue.workers):
        found = catalogue.worker(worker_id)
        declaration = declared_worker(worker_id, found).declaration
        if stack in (None, declaration.stack.name):
            entries.append(
                describe(worker_id, declaration, distribution=found.distribution, version=found.version)
            )
    return Manifest(SCHEMA_VERSION, entries)


def describe(worker_id: str, declaration: Declaration, *, distribution: str, version: str) -> WorkerEntry:
    """Describe one worker."""
    grants = [
        GrantEntry(g.kind, g.name, list(g.actions), list(g.keys), g.variable, g.read_only_variable)
        for g in declaration.all_grants
    ]
    named = {name for grant in grants for name in (grant.variable, grant.read_only_variable) if name}
    return WorkerEntry(
        id=worker_id,
        description=declaration.summary,
        stack=declaration.stack.name,
        distribution=distribution,
        version=version,
        handler=HANDLER,
        timeout_s=declaration.timeout_s,
        memory_mb=declaration.memory_mb,
        concurrency=declaration.concurrency,
        reserved_concurrency=declaration.reserved_concurrency,
        sources=[source.describe(timeout_s=declaration.timeout_s) for source in declaration.sources],
        grants=grants,
        environment=sorted({*RUNTIME_VARIABLES, *named}),
    )


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest, the same one under every Python."""
    made = msgspec.json.schema(Manifest)
    for entry in made["$defs"].values():
        entry["description"] = cleandoc(entry["description"])  # Python dedents docstrings from 3.13 on
    return made
