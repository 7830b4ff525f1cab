"""The routes of one API and which of them a request is for: the most specific one that takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.sources.http_route import parsed_route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker_runtime.local.stage.apis.http_call import HttpCall
    from worker_runtime.sources.api_gateway import ApiGateway
    from worker_runtime.sources.http_route import HttpRoute


class RouteTaken(WorkerRuntimeError):
    """Two workers declare the same route of one API."""


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """A route and the worker that answers it."""

    worker_id: str
    timeout_s: float
    source: ApiGateway

    @property
    def declared(self) -> HttpRoute:
        """Method and path."""
        return parsed_route(self.source.route, escaped=True)


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a request, and the parameters in its path."""

    route: ApiRoute
    parameters: Mapping[str, str] = field(default_factory=dict)


class ApiRoutes:
    """All routes of one API, the most specific first."""

    def __init__(self, routes: Iterable[ApiRoute]) -> None:
        """Sort them; raises RouteTaken."""
        self._routes = sorted(routes, key=_rank)
        taken: dict[str, str] = {}
        for route in self._routes:
            other = taken.setdefault(route.source.route, route.worker_id)
            if other != route.worker_id:
                raise RouteTaken(
                    f"{other} and {route.worker_id} both answer {route.source.route!r} of one API;"
                    " give one of them another route, or another api."
                )

    def __iter__(self) -> Iterator[ApiRoute]:
        """List them."""
        return iter(self._routes)

    def find(self, call: HttpCall) -> Found | None:
        """Return the route that a request is for; None where the API has none."""
        for route in self._routes:
            if not route.declared.takes(call.method):
                continue
            parameters = route.declared.parameters(call.raw_path)
            if parameters is not None:
                return Found(route, parameters)
        return None


def _rank(route: ApiRoute) -> tuple[list[int], bool]:
    """Literal segments go before parameters, those before what takes all the rest, ANY comes last."""
    segments = route.declared.path.split("/")
    return [_breadth(each) for each in segments], route.declared.method == "ANY"


def _breadth(segment: str) -> int:
    if segment.endswith("+}"):
        return 2
    return int(segment.startswith("{"))
