"""A worker in this process as Lambda has it, but for what somebody puts between it and its effects."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from worker_runtime import clock
from worker_runtime.catalogue import installed
from worker_runtime.effects import Sender, Spill
from worker_runtime.loading import declared_worker, load, load_plugins, offers, routes
from worker_runtime.local.invoke import LocalContext
from worker_runtime.runtime import composed
from worker_runtime.sending import AwsSender
from worker_runtime.services import Services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from worker_runtime.loading import LoadedWorker
    from worker_runtime.services import Provided
    from worker_runtime.settings import Environment

    Run = Callable[[Any], Any]
    Instead = Callable[[Mapping[Any, Provided]], Iterable[Provided]]

__all__ = ["Sender", "Spill", "worker_here"]


@contextmanager
def worker_here(
    name: str,
    *,
    environment: Environment,
    instead: Instead = lambda _: (),
    sender: Callable[[Sender], Sender] = lambda own: own,
) -> Iterator[Run]:
    """Load a worker and give what runs it on an event: it returns the reply, or raises what Lambda reports.

    ``instead`` is shown what is provided, by type, and returns what stands in the place of some of it;
    ``sender`` is handed what sends the runtime's own messages, and returns what does so instead. The block
    has the clock that the environment names. Raises LoadError where the worker cannot be made ready.
    """
    with clock.using(clock.parse(environment.clock) if environment.clock else clock.current()):
        worker = _changed(load(name, environment=environment), environment, instead)
        run = composed(worker, sender=sender(AwsSender(environment)))
        timeout_s = worker.declaration.timeout_s
        try:
            yield lambda event: run(event, LocalContext(function_name=worker.id, timeout_s=timeout_s))
        finally:
            worker.services.close()


def _changed(worker: LoadedWorker, environment: Environment, instead: Instead) -> LoadedWorker:
    """Compose a worker anew, over other services."""
    worker.services.close()
    catalogue = installed()
    plugins = load_plugins(
        (*(each for each in environment.plugins if each != worker.plugin), worker.plugin), catalogue
    )
    provided = offers(plugins, worker.metrics, environment)
    services = Services((*provided, *instead({each.type: each for each in provided})))
    declared = declared_worker(worker.id, catalogue.worker(worker.id))
    services.check(declared.declaration.services, who=worker.id)
    return replace(worker, services=services, routes=routes(declared, services, worker.middleware))
