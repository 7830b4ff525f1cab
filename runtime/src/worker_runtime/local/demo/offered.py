"""The scenarios that the installed plugins offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from worker_runtime.catalogue import installed
from worker_runtime.local.hooks import local_hooks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.offers import Scenario


class Offered(NamedTuple):
    """Scenarios by name, and a sentence for each plugin whose own cannot be had."""

    scenarios: Mapping[str, Scenario]
    broken: tuple[str, ...]


def offered_scenarios() -> Offered:
    """Ask all installed plugins."""
    hooks = local_hooks(installed())
    offered, failed = hooks.offered("scenarios")
    return Offered(
        {each.name: each for _, each in offered},
        tuple(f"{each.plugin} is broken: {each.error}" for each in (*hooks.problems, *failed)),
    )
