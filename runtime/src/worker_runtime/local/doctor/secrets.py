"""Secrets that a plugin's settings name: whoever reveals one has to be granted it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.errors import LoadError
from worker_runtime.loading import declared_worker
from worker_runtime.local.doctor.findings import Finding
from worker_runtime.local.doctor.plugins import read_settings
from worker_runtime.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.local.doctor.plugins import Examined


def examine_secrets(plugin: Examined, catalogue: Catalogue) -> list[Finding]:
    """Find secrets that the settings name and no worker of the plugin is granted: whoever asks halts."""
    workers = [name for name in catalogue.workers if name.partition(".")[0] == plugin.name]
    granted = {variable for name in workers for variable in _granted(name, catalogue)}
    named = {
        secret.variable
        for settings in read_settings(plugin.name, plugin.plugins)
        if not isinstance(settings, Exception)
        for secret in _secrets_in(settings)
    }
    what = "is named by its settings and granted to none of its workers."
    cure = "grant it with secret(...), or do not name it in the settings."
    who = f"plugin {plugin.name}"
    return [Finding("broken", who, f"{each} {what}", cure) for each in sorted(named - granted)]


def _granted(worker_id: str, catalogue: Catalogue) -> list[str]:
    try:
        declaration = declared_worker(worker_id, catalogue.worker(worker_id)).declaration
    except LoadError:
        return []  # a finding of its own
    return [grant.variable for grant in declaration.all_grants]


def _secrets_in(value: Any) -> Iterator[Secret]:
    match value:
        case Secret():
            yield value
        case Struct():
            for name in value.__struct_fields__:
                yield from _secrets_in(getattr(value, name))
        case dict():
            for each in value.values():
                yield from _secrets_in(each)
        case list() | tuple():
            for each in value:
                yield from _secrets_in(each)
