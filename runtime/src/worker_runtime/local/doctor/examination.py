"""The whole examination: plugins first, then workers, then the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.doctor.findings import Finding, warning
from worker_runtime.local.doctor.machine import examine_machine
from worker_runtime.local.doctor.plugins import Examined, examine_hooks_for_people, examine_plugin
from worker_runtime.local.doctor.secrets import examine_secrets
from worker_runtime.local.doctor.workers import examine_worker

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from worker_runtime.catalogue import Catalogue


def examine(
    catalogue: Catalogue, *, expected_s: Mapping[str, float], taken_names: Collection[str] = ()
) -> list[Finding]:
    """Examine all that is installed, without AWS and without making a service.

    ``expected_s`` says, by worker id, how long one record takes; ``taken_names`` are words of the
    command that a plugin's commands could not be reached by.
    """
    findings: list[Finding] = []
    plugins: dict[str, Examined] = {}
    for name in sorted(catalogue.plugins):
        examined, found = examine_plugin(name, catalogue)
        findings.extend(found)
        if examined is not None:
            plugins[name] = examined
            findings.extend(examine_secrets(examined, catalogue))
    for name in sorted(catalogue.local):
        findings.extend(examine_hooks_for_people(name, catalogue))
        if name in taken_names:
            what = f"`workers {name}` is the command's own; the plugin's commands cannot be called."
            findings.append(warning(f"plugin {name}", what, cure="give the plugin another name."))
    for worker_id in sorted(catalogue.workers):
        expected = expected_s.get(worker_id)
        findings.extend(examine_worker(worker_id, catalogue, plugins=plugins, expected_s=expected))
    return [*findings, *examine_machine()]
