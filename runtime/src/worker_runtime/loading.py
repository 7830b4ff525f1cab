"""From an id to a worker that is ready to run: the one joined value all else consumes."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime import routing
from worker_runtime.catalogue import Catalogue, Entry, installed
from worker_runtime.errors import BrokenPlugin, Halt, IncompatiblePlugin, text_of
from worker_runtime.hookspecs import ForLambda
from worker_runtime.invocation import Invocation
from worker_runtime.middleware import Middleware, around_record, check_order
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.own_middleware import idempotency, tracing
from worker_runtime.pipeline import attempt_batch, attempting, contained
from worker_runtime.plugins import Plugins, hooked
from worker_runtime.services import Provided, Services
from worker_runtime.settings import Environment, Settings, load_settings
from worker_runtime.workers import Declaration, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record
    from worker_runtime.sources import Source

WORKER_API: Final = (1, 0)
"""What plugins are written for; a minor only adds."""

_log = logging.getLogger(__name__)


class Route(Struct, frozen=True):
    """One declared source and what is composed for it: all records of a batch, or one of them."""

    source: Source
    attempt: Callable[[Record[Any]], Outcome] | None
    attempt_batch: Callable[[Sequence[Record[Any]]], list[Outcome]] | None


class LoadedWorker(Struct, frozen=True):
    """A worker made ready during INIT: declaration, plugin, services, composed pipeline."""

    id: str
    declaration: Declaration
    distribution: str
    version: str
    routes: tuple[Route, ...]
    services: Services
    middleware: tuple[Middleware, ...]
    metrics: Metrics
    runtime_version: str = ""

    @property
    def plugin(self) -> str:
        """The plugin's name, which is the id's prefix."""
        return self.id.partition(".")[0]

    def log_fields(self, environment: Environment) -> dict[str, str]:
        """Name the fields that stand in every log line."""
        return {
            "service": self.plugin,
            "worker": self.id,
            "plugin_version": self.version,
            "runtime_version": self.runtime_version,
            "env": environment.environment_tag or environment.config_env,
            "region": environment.region,
        }

    def route(self, event: Any) -> Route:
        """Find the declared source that takes the event, and what is composed for it."""
        found = routing.route([each.source for each in self.routes], event, worker=self.id)
        return next(each for each in self.routes if each.source is found)


def load(name: str, *, environment: Environment, catalogue: Catalogue | None = None) -> LoadedWorker:
    """Import a worker and its plugin, check what they ask for and make the services.

    Raises LoadError where that cannot work. A service that cannot be made now is no LoadError: the
    invocation tries again and halts, so that its records wait instead of being lost.
    """
    catalogue = catalogue or installed()
    worker_id = catalogue.find(name)
    entry = catalogue.worker(worker_id)
    declared = declared_worker(worker_id, entry)
    own = worker_id.partition(".")[0]
    outer = dict.fromkeys(name for name in environment.plugins if name != own)
    plugins = load_plugins((*outer, own), catalogue)
    metrics = Metrics(plugin=own, worker=worker_id, environment=environment)
    services = Services(offers(plugins, metrics, environment))
    services.check(declared.declaration.services, who=worker_id)
    traced = tracing(declared, worker_id, entry, metrics=metrics, environment=environment)
    once = idempotency(declared, worker_id, environment=environment)
    middleware = (*traced, *middleware_of(plugins), *once)
    return LoadedWorker(
        id=worker_id,
        declaration=declared.declaration,
        distribution=entry.distribution,
        version=entry.version,
        routes=routes(declared, services, middleware),
        services=services,
        middleware=middleware,
        metrics=metrics,
        runtime_version=catalogue.runtime,
    )


def middleware_of(plugins: Plugins) -> tuple[Middleware, ...]:
    """List the middleware of all plugins, the outermost first."""
    listed: list[Middleware] = []
    for plugin, given in answers(plugins, "middleware"):
        if not isinstance(given, list) or not all(isinstance(each, Middleware) for each in given):
            raise BrokenPlugin(f"plugin {plugin}: middleware() must return a list of Middleware(...).")
        listed.extend(given)
    check_order(listed)
    return tuple(listed)


def declared_worker(worker_id: str, entry: Entry) -> Worker[..., Any]:
    """Import what a worker's entry point names, and make sure that it is a worker."""
    declared = entry.load()
    if not isinstance(declared, Worker):
        raise BrokenPlugin(
            f"{worker_id}: {entry.value} is {declared!r}, not a worker; put @worker(...) on it."
        )
    return declared


def load_plugins(names: Sequence[str], catalogue: Catalogue) -> Plugins:
    """Import plugins, the outermost first, and check their API and the spelling of their hooks."""
    modules = {}
    for name in names:
        entry = catalogue.plugin(name)
        modules[name] = entry.load()
        check_api(modules[name], entry)
    return hooked(modules, ForLambda)


def check_api(module: ModuleType, entry: Entry) -> None:
    """Raise IncompatiblePlugin where a plugin was written for another runtime."""
    stated = getattr(module, "WORKER_API", None)
    ours = ".".join(map(str, WORKER_API))
    if not isinstance(stated, tuple) or len(stated) != len(WORKER_API):
        cure = f"say WORKER_API = {WORKER_API} in {entry.value}."
        raise IncompatiblePlugin(
            f"{entry.distribution} {entry.version} does not state its WORKER_API; {cure}"
        )
    if stated[0] != WORKER_API[0] or stated[1] > WORKER_API[1]:
        theirs = ".".join(map(str, stated))
        cure = "install a worker-runtime of that API or another version of the plugin."
        raise IncompatiblePlugin(
            f"{entry.distribution} {entry.version} needs API {theirs}, this is {ours}; {cure}"
        )


def answers(plugins: Plugins, hook: str) -> list[tuple[str, Any]]:
    """Call a hook of every plugin, in the order in which they were registered; (plugin, answer)."""
    given = []
    for name, implementation in plugins.hooks[hook]:
        try:
            given.append((name, implementation()))
        except Exception as error:
            raise BrokenPlugin(
                f"plugin {name}: {hook}() raised {type(error).__name__}: {text_of(error)}"
            ) from error
    return given


def offers(plugins: Plugins, metrics: Metrics, environment: Environment) -> list[Provided]:
    """List all that may be injected: the runtime's own, each plugin's settings and services."""
    listed = [
        Provided(Invocation, Invocation, {}),
        Provided(Metrics, lambda: metrics, {}),
        Provided(Environment, lambda: environment, {}),
    ]
    for plugin, model in answers(plugins, "settings"):
        if not isinstance(model, type) or not issubclass(model, Settings):
            raise BrokenPlugin(f"plugin {plugin}: settings() must return a class derived from Settings.")
        package = getattr(plugins.modules[plugin], "__package__", "")
        read = partial(load_settings, model, plugin=plugin, package=package, environment=environment)
        listed.append(Provided(model, read, {}))
    for plugin, provided in answers(plugins, "services"):
        if not isinstance(provided, list) or not all(isinstance(offer, Provided) for offer in provided):
            raise BrokenPlugin(f"plugin {plugin}: services() must list what provide(factory) makes.")
        types = [offer.type for offer in provided]
        if twice := {each.__name__ for each in types if types.count(each) > 1}:
            raise BrokenPlugin(
                f"plugin {plugin} provides {sorted(twice)} twice; two services need two types."
            )
        listed.extend(provided)
    return listed


def routes(
    declared: Worker[..., Any], services: Services, middleware: tuple[Middleware, ...]
) -> tuple[Route, ...]:
    """Compose, for each declared source, what takes its records to outcomes."""
    declaration = declared.declaration
    function = _provided(declared, services)
    composed = []
    for source in declaration.sources:
        decode = _nothing if declaration.shape == "nothing" else source.decoder(declaration.model)
        if declaration.shape == "batch":
            composed.append(Route(source, None, partial(attempt_batch, function, decode)))
        else:
            one = attempting(function, decode, shape=declaration.shape)
            wrapped = around_record(middleware, one)
            composed.append(Route(source, one if wrapped is one else contained(wrapped), None))
    return tuple(composed)


def _provided(declared: Worker[..., Any], services: Services) -> Callable[..., Any]:
    """Bind a worker's services; those that could not be made are tried again, and halt it meanwhile."""
    wanted = declared.declaration.services
    function = _taking_one(declared)
    try:
        return partial(function, **services.make(wanted))
    except Exception:  # noqa: BLE001 - a factory may raise anything; see load()
        _log.exception("a service of %s could not be made; its records wait", declared.declaration.name)

    def late(body: Any) -> Any:
        try:
            made = services.make(wanted)
        except Exception as error:
            raise Halt(f"a service could not be made: {type(error).__name__}: {text_of(error)}") from error
        return function(body, **made)

    return late


def _taking_one(declared: Worker[..., Any]) -> Callable[..., Any]:
    """Return a worker's function; one that takes nothing is handed nothing."""
    if declared.declaration.shape != "nothing":
        return declared.function
    return lambda _nothing, **made: declared.function(**made)


def _nothing(_record: Record[Any]) -> None:
    """Decode what nobody takes."""
