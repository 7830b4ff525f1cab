"""How REST APIs, HTTP APIs and function URLs answer: check the request, ask its worker, word what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from worker_runtime.local.stage.apis import gateway_errors as errors
from worker_runtime.local.stage.apis.gates import Bearer
from worker_runtime.local.stage.apis.http_events import event_v1, event_v2, url_event
from worker_runtime.local.stage.apis.http_replies import response_v1, response_v2
from worker_runtime.local.stage.apis.request_checks import fault_of
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.sources.http_request import REQUEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.apis.api_routes import ApiRoute, ApiRoutes, Found
    from worker_runtime.local.stage.apis.callee import Callee
    from worker_runtime.local.stage.apis.gates import Gate
    from worker_runtime.local.stage.apis.http_call import HttpCall
    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.parts.http_server import Response


class _RoutedApi:
    """Routes, the workers that answer them, the authorizers that they name."""

    def __init__(
        self, api_id: str, *, routes: ApiRoutes, callees: Mapping[str, Callee], gates: Mapping[str, Gate]
    ) -> None:
        """Ask ``callees`` by worker id; ``gates`` are the authorizers that routes name."""
        self._api_id = api_id
        self._routes = routes
        self._callees = callees
        self._gates = gates

    def _admitted(self, call: HttpCall, found: Found) -> Bearer | Response | None:
        named = found.route.source.authorizer
        return Bearer() if named is None else self._gates[named].admit(call, found)

    def _asked(self, call: HttpCall, found: Found, event: bytes) -> Answer | None:
        return _asked(self._callees[found.route.worker_id], event, call)


class RestApi(_RoutedApi):
    """Routes of a REST API with the checks that it makes itself."""

    id_header = "x-amzn-RequestId"

    @property
    def _binary_types(self) -> frozenset[str]:
        return frozenset(each for route in self._routes for each in route.source.binary_types)

    def answer(self, call: HttpCall) -> Response | None:
        """Find the route, ask its authorizer, check the request, ask the worker: in this order."""
        if len(call.body) > errors.BODY_BYTES:
            return errors.REST_TOO_LONG
        found = self._routes.find(call)
        if found is None:
            return errors.REST_NO_ROUTE
        bearer = self._admitted(call, found)
        if not isinstance(bearer, Bearer):
            return bearer
        if fault := fault_of(call, found.route.source):
            return errors.bad_request(fault)
        event = event_v1(
            call,
            found,
            api_id=self._api_id,
            binary_types=self._binary_types,
            authorizer=bearer.context,
        )
        encoded = json.dumps(event).encode()
        if len(encoded) > REQUEST_BYTES:
            return errors.REST_TOO_LONG
        answer = self._asked(call, found, encoded)
        return None if answer is None else self._worded(answer, call, found.route)

    def _worded(self, answer: Answer, call: HttpCall, route: ApiRoute) -> Response:
        if not isinstance(answer, Reply):
            return errors.rest_failure(answer, timeout_s=route.timeout_s)
        told = response_v1(answer.value, call=call, binary_types=self._binary_types)
        return told or errors.REST_MALFORMED


class HttpApi(_RoutedApi):
    """Routes of an HTTP API."""

    id_header = "apigw-requestid"

    def answer(self, call: HttpCall) -> Response | None:
        """Find the route, ask its authorizer, ask the worker."""
        found = self._routes.find(call)
        if found is None:
            return errors.HTTP_NO_ROUTE
        bearer = self._admitted(call, found)
        if not isinstance(bearer, Bearer):
            return bearer
        event = json.dumps(event_v2(call, found, api_id=self._api_id, authorizer=bearer.context)).encode()
        if len(event) > REQUEST_BYTES:
            return errors.HTTP_TOO_LONG
        answer = self._asked(call, found, event)
        if answer is None:
            return None
        if not isinstance(answer, Reply):
            return errors.http_failure(answer, timeout_s=found.route.timeout_s)
        return response_v2(answer.value) or errors.HTTP_FAILED


class FunctionUrl:
    """One worker, asked whatever the path."""

    id_header = "x-amzn-RequestId"

    def __init__(self, url_id: str, *, callee: Callee) -> None:
        self._url_id = url_id
        self._callee = callee

    def answer(self, call: HttpCall) -> Response | None:
        """Ask the worker."""
        event = json.dumps(url_event(call, url_id=self._url_id)).encode()
        if len(event) > REQUEST_BYTES:
            return errors.URL_TOO_LONG
        answer = _asked(self._callee, event, call)
        if answer is None:
            return None
        if not isinstance(answer, Reply):
            return errors.url_failure(answer)
        return response_v2(answer.value, default_type="application/json") or errors.URL_FAILED


def _asked(callee: Callee, event: bytes, call: HttpCall) -> Answer | None:
    report = callee.ask(event, request_id=call.request_id)
    return None if report is None else report.answer
