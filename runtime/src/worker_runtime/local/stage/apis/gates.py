"""Authorizers before routes: a worker is asked whose token a request carries, its word kept for a while.

``admit`` returns what is known of the bearer, or the refusal that the caller gets; None while the stage is
taken down.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from worker_runtime.local.stage.apis import gateway_errors as errors
from worker_runtime.local.stage.apis.http_events import method_arn, request_question, token_question
from worker_runtime.local.stage.apis.kept_answers import KeptAnswers
from worker_runtime.local.stage.apis.policies import Effect, effect_of
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.apis.api_routes import Found
    from worker_runtime.local.stage.apis.callee import Callee
    from worker_runtime.local.stage.apis.http_call import HttpCall
    from worker_runtime.sources.token_authorizer import TokenAuthorizer


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks: what an authorizer said, which goes into the event; None where nobody was asked."""

    context: Mapping[str, Any] | None = None


class Gate(Protocol):
    """Lets a request through to its worker, or does not."""

    def admit(self, call: HttpCall, found: Found) -> Bearer | Response | None:
        """Return what is known of the caller, or the refusal."""


class _AskingGate:
    """Who is asked about tokens, and for which API."""

    def __init__(
        self, source: TokenAuthorizer, *, callee: Callee, clock: Clock, region: str, api_id: str
    ) -> None:
        self._source = source
        self._callee = callee
        self._kept = KeptAnswers(clock)
        self._region = region
        self._api_id = api_id

    def _keep(self, token: str, said: Any) -> None:
        self._kept.put(token, said, for_s=self._source.cache_s)


class RestGate(_AskingGate):
    """The authorizer of a REST API: it is handed a token and answers with a policy."""

    def admit(self, call: HttpCall, found: Found) -> Bearer | Response | None:  # noqa: ARG002 - a policy says for which
        """Return the policy's context, or 401, 403, 500 as a REST API says them."""
        token = call.header(self._source.header)
        if not token:
            return errors.REST_UNAUTHORIZED
        said = self._kept.get(token)
        if said is None:
            question = token_question(call, token=token, region=self._region, api_id=self._api_id)
            said = _asked(self._callee, question, call)
            if said is None or isinstance(said, Response):
                return said
            if not _is_policy(said):
                return errors.REST_AUTHORIZER_MALFORMED
            self._keep(token, said)
        match effect_of(said["policyDocument"], method_arn(call, self._region, self._api_id)):
            case Effect.ALLOWED:
                return Bearer(_context_v1(said))
            case Effect.DENIED:
                return errors.REST_DENIED
        return errors.REST_UNPERMITTED


class HttpGate(_AskingGate):
    """The authorizer of an HTTP API: it is handed the request and answers with a flag."""

    def admit(self, call: HttpCall, found: Found) -> Bearer | Response | None:
        """Return what was said of the bearer, or 401, 403, 500 as an HTTP API says them."""
        token = call.header(self._source.header)
        if not token:
            return errors.HTTP_UNAUTHORIZED
        said = self._kept.get(token)
        if said is None:
            question = request_question(call, found, token=token, region=self._region, api_id=self._api_id)
            said = _asked(self._callee, question, call)
            if said is None:
                return None
            if not isinstance(said, dict) or not isinstance(said.get("isAuthorized"), bool):
                return errors.HTTP_FAILED
            self._keep(token, said)
        return Bearer(said.get("context") or {}) if said["isAuthorized"] else errors.HTTP_FORBIDDEN


class ShutGate:
    """Stands where a route names an authorizer that is not staged: API Gateway finds no function there."""

    def __init__(self, refusal: Response) -> None:
        self._refusal = refusal

    def admit(self, call: HttpCall, found: Found) -> Bearer | Response | None:  # noqa: ARG002 - nobody comes through
        """Refuse."""
        return self._refusal


def _asked(callee: Callee, question: dict[str, Any], call: HttpCall) -> Any:
    """Return what an authorizer answers; what a REST API says where it fails; None as ``ask``."""
    report = callee.ask(json.dumps(question).encode(), request_id=call.request_id)
    if report is None:
        return None
    if isinstance(report.answer, Reply):
        return report.answer.value
    if report.answer.message.strip() == "Unauthorized":  # the API Gateway guide's word for a 401
        return errors.REST_UNAUTHORIZED
    return errors.REST_AUTHORIZER_FAILED


def _is_policy(said: Any) -> bool:
    return isinstance(said, dict) and isinstance(said.get("policyDocument"), dict)


def _context_v1(said: Mapping[str, Any]) -> dict[str, Any]:
    """Hand on what a policy says of the bearer: flat, and as text."""
    given = said.get("context")
    flat = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in (given if isinstance(given, dict) else {}).items()
        if isinstance(value, str | int | float)
    }
    return {**flat, "principalId": str(said.get("principalId", "")), "integrationLatency": 0}
