"""Finds what answers a request: ``{"POST /v4/shorten": shorten, "GET /v4/links/{id}": find}``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.http_server import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PARAMETER = re.compile(r"\{(\w+)\}")


class Routes:
    """Routes by method and path; ``{name}`` takes one segment and becomes ``request.params[name]``."""

    def __init__(self, table: Mapping[str, Callable[[Request], Response]]) -> None:
        self._routes = [(*_compiled(route), answer) for route, answer in table.items()]

    def __call__(self, request: Request) -> Response:
        """Answer by the first route that fits; 405 where only the method is wrong, else 404."""
        allowed = []
        for method, path, answer in self._routes:
            if fits := path.fullmatch(request.path):
                if method == request.method:
                    return answer(replace(request, params=fits.groupdict()))
                allowed.append(method)
        if allowed:
            return Response(status=405, headers={"Allow": ", ".join(allowed)})
        return Response.json({"message": f"no route for {request.method} {request.path}"}, status=404)


def _compiled(route: str) -> tuple[str, re.Pattern[str]]:
    method, path = route.split(" ", 1)
    literal_or_name = _PARAMETER.split(path)  # literals at even places, parameter names at odd ones
    pattern = "".join(
        f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(literal_or_name)
    )
    return method, re.compile(pattern)
