"""One worker on one recorded event in this process, through Lambda's own door."""

from __future__ import annotations

import os
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from worker_runtime.catalogue import installed
from worker_runtime.clock import parse
from worker_runtime.errors import SettingsError, UnrecognisedEvent
from worker_runtime.handler import open_door
from worker_runtime.loading import declared_worker, load_plugins, offers
from worker_runtime.local.reachable import refuse_silence, refuse_stage_down
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.routing import route
from worker_runtime.services import Services
from worker_runtime.settings import Environment
from worker_runtime.sources.schedule import Schedule
from worker_runtime.sources.ticks import tick

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.grants import Grant
    from worker_runtime.workers import Declaration


class LocalContext:
    """What Lambda hands over beside the event; its time runs out by this machine's clock."""

    def __init__(self, *, function_name: str, timeout_s: float, request_id: str | None = None) -> None:
        self.function_name = function_name
        self.aws_request_id = request_id or str(uuid4())
        self._ends_at = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out."""
        return max(int((self._ends_at - time.monotonic()) * 1000), 0)


class Ready(Protocol):
    """A worker that is loaded."""

    def __call__(self, event: Any, /, *, request_id: str | None = None) -> Any:
        """Run it on an event and return the reply, or raise what Lambda reports."""


def prepare(name: str, *, variables: Mapping[str, str]) -> Ready:
    """Load a worker; what is returned takes an event and returns the reply, or raises what Lambda reports.

    ``variables`` are added to this process's environment, which the runtime and AWS's SDK read.
    Raises LoadError where the worker cannot be made ready, SettingsError where variables are missing,
    EndpointSilent where nobody answers at AWS_ENDPOINT_URL.
    """
    catalogue = installed()
    worker_id = catalogue.find(name)
    declaration = declared_worker(worker_id, catalogue.worker(worker_id)).declaration
    os.environ.update({**variables, "APP_NAME": worker_id})
    _refuse_unprovided(worker_id, declaration, catalogue)
    _refuse_missing(worker_id, declaration, os.environ)
    endpoint_url = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint_url and any(grant.actions for grant in declaration.all_grants):
        refuse_stage_down(os.environ)
        refuse_silence(endpoint_url, said_by="AWS_ENDPOINT_URL")
    handler = open_door(os.environ)

    def run(event: Any, /, *, request_id: str | None = None) -> Any:
        timeout_s = declaration.timeout_s
        return handler(
            event, LocalContext(function_name=worker_id, timeout_s=timeout_s, request_id=request_id)
        )

    return run


def refuse_unrecognised(worker_id: str, event: Any) -> None:
    """Raise UnrecognisedEvent, with the cure, where no source of the worker takes the event."""
    catalogue = installed()
    sources = declared_worker(worker_id, catalogue.worker(worker_id)).declaration.sources
    try:
        route(sources, event, worker=worker_id)
    except UnrecognisedEvent as error:
        cure = "recorded, as in tests/events, or built with worker_runtime.testing."
        raise UnrecognisedEvent(f"{str(error).rstrip('.')}; give one as Lambda sends it: {cure}") from None


def own_event(worker_id: str, *, variables: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Build the event that a worker would get now: a tick, where all its sources are schedules; else None.

    Now is what a stage's clock shows, where ``variables`` or the environment lead to one.
    """
    catalogue = installed()
    sources = declared_worker(worker_id, catalogue.worker(worker_id)).declaration.sources
    schedules = [source for source in sources if isinstance(source, Schedule)]
    if len(schedules) < len(sources):
        return None
    environ = {**os.environ, **variables}
    said = environ.get("WORKER_CLOCK")
    at = parse(said).now() if said else time.time()
    region = environ.get("AWS_REGION", "us-east-1")
    return tick(schedules[0], at=at, region=region, account="000000000000")


def variables_needed(grants: Iterable[Grant], *, own: Container[Grant] = ()) -> set[str]:
    """Name the variables without which a worker is not invoked here; ``own`` are its declared grants."""
    used = [grant for grant in grants if grant.kind not in ("stream", "cluster", "secret") or grant in own]
    needed = {grant.variable for grant in used}
    if any(grant.actions for grant in used):  # a Redis cluster has none: it is no service of AWS's API
        needed.add("AWS_REGION")
    return needed


def _refuse_unprovided(worker_id: str, declaration: Declaration, catalogue: Catalogue) -> None:
    """Raise LoadError where nobody provides a service: no variable would help the worker then."""
    environment = Environment.read(os.environ)
    own = worker_id.partition(".")[0]
    plugins = load_plugins((*(name for name in environment.plugins if name != own), own), catalogue)
    metrics = Metrics(plugin=own, worker=worker_id, environment=environment)
    Services(offers(plugins, metrics, environment)).check(declaration.services, who=worker_id)


def _refuse_missing(worker_id: str, declaration: Declaration, environ: Mapping[str, str]) -> None:
    """Name all that is missing at once, where the worker's services would name one at a time.

    What it reads its records from is not needed here, where the event is given.
    """
    needed = variables_needed(declaration.all_grants, own=declaration.grants)
    if missing := sorted(needed - {name for name, value in environ.items() if value}):
        raise SettingsError(
            f"{worker_id} needs {', '.join(missing)}; set them, "
            "or name a file of NAME=value lines with --env-file."
        )
