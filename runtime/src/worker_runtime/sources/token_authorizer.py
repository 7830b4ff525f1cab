"""Lambda authorizers of API Gateway: a token in; a policy, a flag or "Unauthorized" out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

import msgspec

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import UNDECODABLE, DeclarationError
from worker_runtime.outcomes import Done, Family, Rejected
from worker_runtime.sources import check_names
from worker_runtime.sources.authorization import authorization_of, bearer_of, presented
from worker_runtime.sources.authorizers import Authorizer, check_wait, refuse_unknown
from worker_runtime.sources.http_record import http_record, text_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record
    from worker_runtime.sources.http_record import HttpRecord


class TokenSettings(Authorizer, frozen=True, kw_only=True, rename="camel"):
    """What stands beside an authorizer's name."""

    endpoint: Literal["rest", "http"] = "rest"
    header: str = "Authorization"


class TokenAuthorizer(TokenSettings, frozen=True, rename="camel"):
    """Say whose token a request carries, for a REST API or an HTTP API, and whether it holds.

    The worker takes the event with the token as ``token``, that of ``header``, and returns an
    Authorization. One that is not valid is 401 (HTTP APIs: 403), a Reject 403, anything else, a
    ServiceRefused too, 500.
    What it says holds for all methods of the stage, for ``cache_s`` seconds.
    """

    authorizer: str

    @property
    def kind(self) -> str:
        """``token_authorizer``."""
        return "token_authorizer"

    @property
    def name(self) -> str:
        """The authorizer's logical name."""
        return self.authorizer

    @property
    def family(self) -> Family:
        """Every outcome is told to API Gateway."""
        return Family.HTTP

    def check(self, *, worker: str, timeout_s: float) -> None:
        """Refuse settings that API Gateway refuses, and what an HTTP API would not wait for."""
        who = f"{worker}: TokenAuthorizer({self.authorizer!r})"
        check_names(who, authorizer=self.authorizer, header=self.header)
        self.check_cache(who)
        if self.endpoint == "http":
            check_wait(who, timeout_s)
        if self.endpoint not in ("rest", "http"):
            raise DeclarationError(f"{who} endpoint is {self.endpoint!r}; say 'rest' or 'http'.")

    def recognises(self, event: Any) -> bool:
        """Whether API Gateway asks about a token, or about a request that should carry one."""
        if not isinstance(event, dict) or event.get("type") not in ("TOKEN", "REQUEST"):
            return False
        return isinstance(event.get("methodArn"), str) or _is_v2(event)

    def owns(self, event: Any) -> bool:  # noqa: ARG002 - the event does not name its authorizer
        """Whether the event names this very authorizer; none does."""
        return True

    def records(self, event: Any) -> list[Record[Any]]:
        """Open the one question, not decoded yet."""
        return [http_record(event)]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the event, its token as ``token``."""
        decode = json_decoder(model)

        def asked(record: HttpRecord[Any]) -> Any:
            event: Mapping[str, Any] = record.raw
            if event["type"] == "REQUEST":
                event = {**event, "authorizationToken": record.headers.get(self.header)}
            return decode(msgspec.json.encode(presented(event)))

        return asked  # type: ignore[return-value]  # its own records, as everywhere

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """Word a policy (form 1.0) or a flag (2.0); raise where API Gateway is to answer 401 or 500."""
        ((record,), (outcome,)) = records, outcomes
        refuse_unknown(outcome)
        match outcome:
            case Done(value=value):
                said = authorization_of(value)
                holds = said.valid is True  # a truthy slip lets nobody in
                return _told(record.raw, valid=holds, bearer=bearer_of(said) if holds else {})
            case Rejected(code=code) if code != UNDECODABLE:
                return _denied(record.raw)
            case _:
                return _told(record.raw, valid=False, bearer={})

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest: what the API's authorizer is made from."""
        form = {"type": "TOKEN", "payload": "1.0"}
        if self.endpoint == "http":
            form = {"type": "REQUEST", "payload": "2.0"}
        return {"kind": self.kind, "name": self.name, **form, **msgspec.to_builtins(self)}


def _is_v2(event: Mapping[str, Any]) -> bool:
    return isinstance(event.get("routeArn"), str)


def _told(event: Mapping[str, Any], *, valid: bool, bearer: dict[str, str]) -> Any:
    if _is_v2(event):
        return {"isAuthorized": valid, "context": bearer}
    return _policy(event, effect="Allow", bearer=bearer) if valid else _unauthorized()


def _denied(event: Mapping[str, Any]) -> Any:
    if _is_v2(event):
        return {"isAuthorized": False, "context": {}}
    return _policy(event, effect="Deny", bearer={})


def _unauthorized() -> NoReturn:
    """Have API Gateway answer 401: it does so for an error of this very text, and for nothing else."""
    raise Exception("Unauthorized")  # noqa: TRY002 - the API Gateway guide's words


def _policy(event: Mapping[str, Any], *, effect: Literal["Allow", "Deny"], bearer: dict[str, str]) -> Any:
    """Write a policy for the whole stage: kept for a token, one for a method would refuse all others."""
    stage = "/".join(text_at(event, "methodArn").split("/")[:2])
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{stage}/*"}
    return {
        "principalId": bearer.get("sub") or "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": bearer,
    }
