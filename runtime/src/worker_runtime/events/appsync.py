"""What AppSync asks: for a field, by whom; and, before that, whether they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.events.places import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def field_event(  # noqa: PLR0913 - a context has as many parts, all optional
    arguments: Mapping[str, Any] | None = None,
    *,
    field: str = "Query.field",
    identity: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    prev: Any = None,
) -> dict[str, Any]:
    """Build the context of one field; a list of such is what a resolver with a batch size sends.

    ``identity`` is None where an API key let the caller in; ``prev`` what the function before returned.
    """
    parent, _, name = field.partition(".")
    return {
        "arguments": dict(arguments or {}),
        "identity": identity,
        "source": source,
        "request": {"headers": dict(headers or {}), "domainName": None},
        "prev": None if prev is None else {"result": prev},
        "info": {
            "selectionSetList": [],
            "selectionSetGraphQL": "",
            "parentTypeName": parent,
            "fieldName": name,
            "variables": {},
        },
        "stash": {},
    }


def user_identity(
    sub: str, *, groups: Sequence[str] = (), claims: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the identity of a user pool's user."""
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{REGION}_pool"
    return {
        "sub": sub,
        "issuer": issuer,
        "username": sub,
        "claims": {"sub": sub, "iss": issuer, **(claims or {})},
        "sourceIp": ["127.0.0.1"],
        "defaultAuthStrategy": "ALLOW",
        "groups": list(groups) or None,
    }


def authorizer_event(token: str, *, operation: str = "Field", api: str = "api") -> dict[str, Any]:
    """Build what AppSync asks its Lambda authorizer."""
    return {
        "authorizationToken": token,
        "requestContext": {
            "apiId": api,
            "accountId": ACCOUNT,
            "requestId": "b80ed838-14c6-4500-b4c3-b694c7bef086",
            "queryString": f"query {operation} {{ field }}",
            "operationName": operation,
            "variables": {},
        },
        "requestHeaders": {},
    }
