"""Who asks an API of AppSync: what its Lambda authorizer says, or what the caller's own token or key does.

Tokens are read, not verified: a stage has no issuer of them. An API key, or nothing, is nobody.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any, Final, Protocol

from worker_runtime.local.stage.apis.graphql_fields import Caller
from worker_runtime.local.stage.apis.http_events import ACCOUNT
from worker_runtime.local.stage.apis.kept_answers import KeptAnswers
from worker_runtime.local.stage.execution.answers import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.apis.callee import Callee
    from worker_runtime.local.stage.apis.http_call import HttpCall
    from worker_runtime.sources.appsync_authorizer import AppSyncAuthorizer

NO_HEADER: Final = "Valid authorization header not provided."
NOT_AUTHORIZED: Final = "You are not authorized to make this call."
_SIGNED: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/")
_JWT_PARTS: Final = 3


class Guard(Protocol):
    """Says who asks."""

    def caller_of(
        self, call: HttpCall, *, query: str, operation_name: str | None, variables: Mapping[str, Any]
    ) -> Caller | str:
        """Return the caller, or why nobody is let in."""


class Anybody:
    """Lets everybody in, as who they say they are: a user pool's token, a signature of IAM, else nobody."""

    def caller_of(
        self,
        call: HttpCall,
        *,
        query: str,  # noqa: ARG002 - nobody decides by it
        operation_name: str | None,  # noqa: ARG002 - as above
        variables: Mapping[str, Any],  # noqa: ARG002 - as above
    ) -> Caller:
        """Return the caller."""
        return Caller(identity=_identity(call), headers=headers_of(call))


class AuthorizerGuard:
    """Asks a Lambda authorizer, and keeps what it says of a token for a while of the stage's time."""

    def __init__(self, source: AppSyncAuthorizer, *, callee: Callee, clock: Clock) -> None:
        self._source = source
        self._callee = callee
        self._kept = KeptAnswers(clock)

    def caller_of(
        self, call: HttpCall, *, query: str, operation_name: str | None, variables: Mapping[str, Any]
    ) -> Caller | str:
        """Return the caller whom the authorizer lets in."""
        token = call.header("authorization")
        if not token:
            return NO_HEADER
        said = self._kept.get(token)
        if said is None:
            context = {
                "apiId": self._source.api,
                "accountId": ACCOUNT,
                "requestId": call.request_id,
                "queryString": query,
                "operationName": operation_name,
                "variables": dict(variables),
            }
            said = self._asked(token, context, call)
        if said is None or said.get("isAuthorized") is not True:
            return NOT_AUTHORIZED
        identity = {"resolverContext": said.get("resolverContext") or {}}
        denied = frozenset(map(_short, said.get("deniedFields") or ()))
        return Caller(identity=identity, headers=headers_of(call), denied=denied)

    def _asked(self, token: str, context: Mapping[str, Any], call: HttpCall) -> Mapping[str, Any] | None:
        """Return what the authorizer says; None, and nothing is kept, where it fails."""
        event = {"authorizationToken": token, "requestContext": context, "requestHeaders": headers_of(call)}
        report = self._callee.ask(json.dumps(event).encode(), request_id=call.request_id)
        if report is None or not isinstance(report.answer, Reply):
            return None
        said = report.answer.value
        if not isinstance(said, dict):
            return None
        self._kept.put(token, said, for_s=said.get("ttlOverride", self._source.cache_s))
        return said


def headers_of(call: HttpCall) -> dict[str, str]:
    """Return the headers as AppSync hands them on: names in lower case."""
    return {name.lower(): value for name, value in call.lines}


def _short(field: str) -> str:
    """Name a denied field as "Type.field", which may be said as an ARN: ``.../types/Type/fields/field``."""
    said = re.search(r"/types/(\w+)/fields/(\w+)$", field)
    return f"{said[1]}.{said[2]}" if said else field


def _identity(call: HttpCall) -> dict[str, Any] | None:
    header = call.header("authorization")
    if signed := _SIGNED.match(header):
        return _of_iam(signed[1], call.source_ip)
    claims = _claims(header.removeprefix("Bearer "))
    return None if claims is None else _of_pool(claims, call.source_ip)


def _of_iam(key_id: str, source_ip: str) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "cognitoIdentityPoolId": None,
        "cognitoIdentityId": None,
        "sourceIp": [source_ip],
        "username": key_id,
        "userArn": f"arn:aws:iam::{ACCOUNT}:user/{key_id}",
    }


def _of_pool(claims: Mapping[str, Any], source_ip: str) -> dict[str, Any]:
    return {
        "claims": claims,
        "defaultAuthStrategy": "ALLOW",
        "groups": claims.get("cognito:groups"),
        "issuer": claims.get("iss"),
        "sourceIp": [source_ip],
        "sub": claims["sub"],
        "username": claims.get("cognito:username") or claims.get("username") or claims["sub"],
    }


def _claims(token: str) -> dict[str, Any] | None:
    """Read the claims of a JWT; None where it is none, or says nobody."""
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) and claims.get("sub") else None
