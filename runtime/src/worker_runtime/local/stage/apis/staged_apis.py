"""Which APIs a stage's declarations make, who answers behind them, and where each worker is found.

A REST or HTTP API is what routes of one kind share by their ``api``, else by their stack; a worker with
routes of a function URL has one of its own. All fields are of one API of AppSync, or of each for which an
authorizer is staged.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.apis.api_routes import ApiRoute, ApiRoutes
from worker_runtime.local.stage.apis.api_server import ApiServer
from worker_runtime.local.stage.apis.gates import HttpGate, RestGate, ShutGate
from worker_runtime.local.stage.apis.gateway_errors import HTTP_FAILED, REST_AUTHORIZER_MALFORMED
from worker_runtime.local.stage.apis.http_api import FunctionUrl, HttpApi, RestApi
from worker_runtime.local.stage.names import local_name
from worker_runtime.sources.api_gateway import ApiGateway
from worker_runtime.sources.appsync import AppSync
from worker_runtime.sources.appsync_authorizer import AppSyncAuthorizer
from worker_runtime.sources.token_authorizer import TokenAuthorizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.apis.api_server import Api
    from worker_runtime.local.stage.apis.callee import Callee
    from worker_runtime.local.stage.apis.gates import Gate
    from worker_runtime.sources import Source
    from worker_runtime.workers import Declaration

SERVED: Final = (ApiGateway, AppSync, AppSyncAuthorizer, TokenAuthorizer)
"""The sources that are reached through an API here; no poller serves them."""

GRAPHQL: Final = "graphql"
"""What the API of AppSync is called where no authorizer names it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who answers: the declared workers and the ways to them.

    ``request_ids`` makes ids, ``port_of`` chooses the port of an API by its name; 0 is any.
    """

    declarations: Mapping[str, Declaration]
    callees: Mapping[str, Callee]
    clock: Clock
    region: str
    request_ids: Callable[[], str]
    port_of: Callable[[str], int] = lambda name: 0  # noqa: ARG005 - any will do

    def sources(self, *kinds: type[Any]) -> Iterator[tuple[str, Declaration, Any]]:
        """List the sources of these kinds, each with its worker."""
        for worker_id, declaration in self.declarations.items():
            for source in declaration.sources:
                if isinstance(source, kinds):
                    yield worker_id, declaration, source


@dataclass(frozen=True, slots=True)
class StagedApi:
    """One API, and what each worker is asked for there: ``POST {base}/orders/{id}``."""

    name: str
    server: ApiServer
    asked: tuple[tuple[str, str], ...]  # worker id, what is to be put before and behind the base URL

    def urls(self) -> Iterator[tuple[str, str]]:
        """List workers and where they are found; once it is started."""
        for worker_id, template in self.asked:
            yield worker_id, template.replace("{base}", self.server.url, 1)


def is_served(source: Source) -> bool:
    """Whether a source is reached through an API of the stage."""
    return isinstance(source, SERVED)


def apis_of(staff: Staff) -> list[StagedApi]:
    """Make the APIs of all declared workers; raises RouteTaken. They do not listen yet."""
    return [*_route_apis(staff), *_function_urls(staff), *_graphql_apis(staff)]


def _served(staff: Staff, name: str, api: Api, asked: list[tuple[str, str]]) -> StagedApi:
    port = staff.port_of(name)
    server = ApiServer(api, clock=staff.clock, request_ids=staff.request_ids, port=port)
    return StagedApi(name, server, tuple(asked))


def _route_apis(staff: Staff) -> Iterator[StagedApi]:
    routes: dict[tuple[str, str], list[ApiRoute]] = defaultdict(list)
    for worker_id, declaration, source in staff.sources(ApiGateway):
        if source.endpoint != "url":
            name = source.api or declaration.stack.name
            routes[source.endpoint, name].append(ApiRoute(worker_id, declaration.timeout_s, source))
    for (endpoint, name), listed in routes.items():
        kind = RestApi if endpoint == "rest" else HttpApi
        gates = _gates(staff, listed, api_id=local_name(name))
        api = kind(local_name(name), routes=ApiRoutes(listed), callees=staff.callees, gates=gates)
        asked = [(each.worker_id, _at_root(each.source)) for each in listed]
        yield _served(staff, f"{endpoint} {name}", api, asked)


def _function_urls(staff: Staff) -> Iterator[StagedApi]:
    asked: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for worker_id, _, source in staff.sources(ApiGateway):
        if source.endpoint == "url":
            asked[worker_id].append((worker_id, _at_root(source)))
    for worker_id, listed in asked.items():
        api = FunctionUrl(local_name(worker_id), callee=staff.callees[worker_id])
        yield _served(staff, f"url {worker_id}", api, listed)


def _at_root(source: ApiGateway) -> str:
    method, _, path = source.route.partition(" ")
    return f"{method} {{base}}{path}"


def _gates(staff: Staff, routes: list[ApiRoute], *, api_id: str) -> dict[str, Gate]:
    """Make the authorizers that routes name, each once for the API."""
    staged = {
        (source.endpoint, source.name): (worker_id, source)
        for worker_id, _, source in staff.sources(TokenAuthorizer)
    }
    gates: dict[str, Gate] = {}
    for route in routes:
        endpoint, named = route.source.endpoint, route.source.authorizer
        rest = endpoint == "rest"
        if named is None or named in gates:
            continue
        if (endpoint, named) not in staged:
            _log.warning(
                "%s: its route %s names the authorizer %r, which no staged worker is (endpoint=%r): whoever"
                " asks is answered 500. Stage the stack of that TokenAuthorizer too.",
                route.worker_id,
                route.source.route,
                named,
                endpoint,
            )
            gates[named] = ShutGate(REST_AUTHORIZER_MALFORMED if rest else HTTP_FAILED)
            continue
        worker_id, source = staged[endpoint, named]
        gate = RestGate if rest else HttpGate
        gates[named] = gate(
            source, callee=staff.callees[worker_id], clock=staff.clock, region=staff.region, api_id=api_id
        )
    return gates


def _graphql_apis(staff: Staff) -> Iterator[StagedApi]:
    fields = [(worker_id, source) for worker_id, _, source in staff.sources(AppSync)]
    guards = [(worker_id, source) for worker_id, _, source in staff.sources(AppSyncAuthorizer)]
    if not fields and not guards:
        return
    from worker_runtime.local.stage.apis.graphql_api import GraphqlApi, WorkerResolver  # noqa: PLC0415 - 0.1 s
    from worker_runtime.local.stage.apis.graphql_callers import Anybody, AuthorizerGuard  # noqa: PLC0415 - as above

    resolvers = [
        WorkerResolver(source, callee=staff.callees[worker_id], request_ids=staff.request_ids)
        for worker_id, source in fields
    ]
    asked = [(worker_id, f"POST {{base}}/graphql#{source.field}") for worker_id, source in fields]
    for worker_id, source in guards:
        guard = AuthorizerGuard(source, callee=staff.callees[worker_id], clock=staff.clock)
        yield _served(staff, f"appsync {source.api}", GraphqlApi(resolvers, guard=guard), asked)
    if not guards:
        yield _served(staff, f"appsync {GRAPHQL}", GraphqlApi(resolvers, guard=Anybody()), asked)
