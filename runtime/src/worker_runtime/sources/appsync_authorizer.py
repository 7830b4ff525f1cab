"""AppSync's Lambda authorizer: a token in, whether its bearer may go on out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.decoding import json_decoder
from worker_runtime.invocation import Invocation
from worker_runtime.outcomes import Done, Family, Outcome
from worker_runtime.records import Record, T, carried_id
from worker_runtime.replies import check_size
from worker_runtime.sources import check_names
from worker_runtime.sources.appsync import ANSWER_BYTES
from worker_runtime.sources.authorization import authorization_of, bearer_of, presented
from worker_runtime.sources.authorizers import CACHE_S, Authorizer, check_wait, refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_DENIED: Final = {"isAuthorized": False}

_invocation: Final = Invocation()


class Guard(Authorizer, frozen=True, kw_only=True, rename="camel"):
    """What stands beside an authorizer's name."""

    cache_s: int = 300


class TokenRecord(Record[T], frozen=True):
    """The one question of an authorizer; ``id`` is the API's request id."""

    @property
    def correlation_id(self) -> str:
        """The caller's ``x-correlation-id``, else the request's id."""
        headers = self.raw.get("requestHeaders")
        named = headers.get("x-correlation-id") if isinstance(headers, dict) else None
        return carried_id(named) or self.id


class AppSyncAuthorizer(Guard, frozen=True, rename="camel"):
    """Decide who may use an API of AppSync, named without its environment.

    The worker takes the event with its token as ``token`` (a type that names only that serves direct
    invokers too) and returns an ``Authorization``. A Skip, a Reject and what cannot be decoded deny; any
    other error, a ServiceRefused too, is raised: AppSync lets nobody in and keeps no answer. It waits 10
    seconds at most, and keeps an answer for ``cache_s`` seconds unless the worker says another time.
    """

    api: str

    @property
    def kind(self) -> str:
        """``appsync_authorizer``."""
        return "appsync_authorizer"

    @property
    def name(self) -> str:
        """The API's logical name."""
        return self.api

    @property
    def family(self) -> Family:
        """Whatever becomes of a question is told in the reply, or raised."""
        return Family.APPSYNC

    def check(self, *, worker: str, timeout_s: float) -> None:
        """Refuse settings that AWS refuses, and what AppSync would not wait for."""
        who = f"{worker}: AppSyncAuthorizer({self.api!r})"
        check_names(who, api=self.api)
        self.check_cache(who)
        check_wait(who, timeout_s)

    def recognises(self, event: Any) -> bool:
        """Whether the event asks on behalf of AppSync: a token, and the GraphQL request it came with."""
        if not isinstance(event, dict) or "authorizationToken" not in event or "methodArn" in event:
            return False
        context = event.get("requestContext")
        return isinstance(context, dict) and "apiId" in context and "queryString" in context

    def owns(self, event: Any) -> bool:  # noqa: ARG002 - the event has the API's id, which is no name of ours
        """Never: the event does not name the API."""
        return False

    def records(self, event: Any) -> list[Record[Any]]:
        """One record a question; its id is the request's."""
        said = event["requestContext"].get("requestId")
        named = said if isinstance(said, str) and said else _invocation.request_id or self.api
        return [TokenRecord(named, presented(event), event)]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the event with its ``token``."""
        decode = json_decoder(model)
        return lambda record: decode(msgspec.json.encode(record.body))

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:  # noqa: ARG002 - one question
        """Say whether the bearer may go on; raise what somebody has to look at."""
        (outcome,) = outcomes
        refuse_unknown(outcome)
        if not isinstance(outcome, Done):
            return _DENIED
        answer = _answer(outcome.value)
        check_size(answer, limit=ANSWER_BYTES, taker="AppSync")
        return answer

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest."""
        return {"kind": self.kind, "name": self.name, **msgspec.to_builtins(self)}


def _answer(value: Any) -> dict[str, Any]:
    """Word a worker's result; who is not let in learns no more than that."""
    said = authorization_of(value)
    cached = {} if said.ttl_s is None else {"ttlOverride": min(max(said.ttl_s, CACHE_S[0]), CACHE_S[1])}
    if said.valid is not True:
        return {**_DENIED, **cached}
    denied = {"deniedFields": list(said.denied_fields)} if said.denied_fields else {}
    return {"isAuthorized": True, "resolverContext": bearer_of(said), **denied, **cached}
