"""An API of AppSync: POST /graphql, its authorization, and the workers behind its fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.apis.gateway_errors import refusal
from worker_runtime.local.stage.apis.graphql_execution import Execution
from worker_runtime.local.stage.apis.graphql_fields import encoded, resolved_many, resolved_one
from worker_runtime.local.stage.apis.graphql_query import QueryRefused, operation_of
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.local.stage.apis.callee import Callee
    from worker_runtime.local.stage.apis.graphql_callers import Guard
    from worker_runtime.local.stage.apis.graphql_fields import Resolved
    from worker_runtime.local.stage.apis.http_call import HttpCall
    from worker_runtime.sources.appsync import AppSync

PATH: Final = "/graphql"


class WorkerResolver:
    """A worker behind a field."""

    def __init__(self, source: AppSync, *, callee: Callee, request_ids: Callable[[], str]) -> None:
        self._source = source
        self._callee = callee
        self._request_ids = request_ids

    @property
    def field(self) -> str:
        """Its name."""
        return self._source.field

    def resolve(self, contexts: Sequence[dict[str, Any]]) -> list[Resolved]:
        """Ask for each by itself (Invoke), or for lists of ``batch_size`` (BatchInvoke)."""
        size = self._source.batch_size
        if not size:
            return [resolved_one(self._ask(each), form=self._source.form) for each in contexts]
        lists = [contexts[at : at + size] for at in range(0, len(contexts), size)]
        return [told for each in lists for told in resolved_many(self._ask(each), count=len(each))]

    def _ask(self, payload: Any) -> Any:
        report = self._callee.ask(encoded(payload), request_id=self._request_ids())
        return None if report is None else report.answer


class GraphqlApi:
    """All fields that workers stand behind."""

    id_header = "x-amzn-RequestId"

    def __init__(self, resolvers: Sequence[WorkerResolver], *, guard: Guard) -> None:
        self._resolvers = resolvers
        self._guard = guard

    def answer(self, call: HttpCall) -> Response | None:
        """Answer a GraphQL request."""
        if call.method != "POST" or call.path != PATH:
            return _refused("UnknownOperationException", f"POST {PATH} is all there is.", status=404)
        try:
            query, name, variables = _read(call.body)
            operation = operation_of(query, name=name, variables=variables)
            caller = self._guard.caller_of(call, query=query, operation_name=name, variables=variables)
            if isinstance(caller, str):
                return _refused("UnauthorizedException", caller, status=401)
            told = Execution(operation, resolvers=self._resolvers, caller=caller).run()
        except QueryRefused as error:
            return _refused("MalformedHttpRequestException", str(error), status=400)
        return Response.json(told)


def _read(body: bytes) -> tuple[str, str | None, dict[str, Any]]:
    try:
        said = json.loads(body or b"{}")
    except ValueError as error:
        raise QueryRefused("Invalid JSON payload in POST request.") from error
    match said:
        case {"query": str(query)} if query.strip():
            name, variables = said.get("operationName"), said.get("variables")
            variables = {} if variables is None else variables
        case _:
            raise QueryRefused("Invalid request, `query` can't be null or empty.")
    if not isinstance(variables, dict) or not isinstance(name, str | None):
        raise QueryRefused("Invalid JSON payload in POST request.")
    return query, name or None, variables


def _refused(kind: str, message: str, *, status: int) -> Response:
    told = refusal(status, message, kind=kind)
    return Response.json(
        {"errors": [{"errorType": kind, "message": message}]}, status=status, headers=told.headers
    )
