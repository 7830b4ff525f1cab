"""What a plugin provides to its workers, for a person's command: the same factories, the same settings."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from worker_runtime import clock
from worker_runtime.catalogue import installed
from worker_runtime.loading import load_plugins, offers
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.services import Services
from worker_runtime.settings import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


@contextmanager
def provided(wanted: type[T], *, plugin: str) -> Iterator[T]:
    """Make a service for each field of ``wanted``, by its type, and close them behind the block.

    They read this process's environment, as a worker's do, and the block has the clock that it names.
    Raises ServiceMissing where the plugin provides no such service, SettingsError where a variable is
    missing.
    """
    environment = Environment.read(os.environ)
    metrics = Metrics(plugin=plugin, worker=f"{plugin}.command", environment=environment)
    services = Services(offers(load_plugins((plugin,), installed()), metrics, environment))
    fields = get_type_hints(wanted)
    services.check(fields, who=wanted.__name__)
    with clock.using(clock.parse(environment.clock) if environment.clock else clock.current()):
        try:
            yield wanted(**services.make(fields))
        finally:
            services.close()
