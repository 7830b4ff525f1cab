"""What AppSync brings: the request of one field, alone or one of a list of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal

import msgspec
from msgspec import Struct

from worker_runtime.decoding import json_decoder
from worker_runtime.records import Record, T, carried_id
from worker_runtime.sources.callers import caller_of

if TYPE_CHECKING:
    from collections.abc import Callable

IdentityKind = Literal["user_pool", "oidc", "iam", "lambda"]


class Identity(Struct, frozen=True, kw_only=True):
    """Who asks, as the API's authorization established it; ``kind`` says which of these fields it filled.

    All but ``iam`` have ``sub`` and ``claims``: those of a Lambda authorizer are what it said of the bearer,
    as text. Groups are those of a user pool.
    """

    kind: IdentityKind
    sub: str | None = None
    username: str | None = None
    groups: tuple[str, ...] = ()
    claims: Mapping[str, Any] = {}
    issuer: str | None = None
    source_ips: tuple[str, ...] = ()
    account_id: str | None = None
    user_arn: str | None = None
    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class FieldInfo(Struct, frozen=True, rename="camel"):
    """Which field is asked for, and what of it."""

    parent_type_name: str = ""
    field_name: str = ""
    variables: Mapping[str, Any] = {}
    selection_set_list: tuple[str, ...] = ()
    selection_set_graphql: str = msgspec.field(default="", name="selectionSetGraphQL")


class FieldRequest(Struct, Generic[T], frozen=True, kw_only=True):
    """A field's arguments, and what stands beside them.

    ``identity`` is None where an API key let the caller in, ``source`` the parent object's data, ``headers``
    have lower-case names, ``prev`` is what the pipeline's last function returned, ``stash`` what its
    functions share.
    """

    __brought_by__: ClassVar[str] = "AppSync"

    arguments: T
    identity: Identity | None = None
    source: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}
    info: FieldInfo = FieldInfo()
    prev: Any = None
    stash: Mapping[str, Any] = {}


class FieldRecord(Record[T], frozen=True):
    """The request of one field; ``id`` is the invocation's and, in a list, the position."""

    batched: bool = False

    @property
    def attributes(self) -> Mapping[str, str]:
        """The caller's headers, by lower-case names."""
        request = self.raw.get("request")
        headers = request.get("headers") if isinstance(request, dict) else None
        return _lowered(headers) if isinstance(headers, dict) else {}

    @property
    def correlation_id(self) -> str:
        """The caller's ``x-correlation-id``, else the argument ``correlationId``, else the record's id."""
        given: Any = self.raw.get("arguments")
        said = given.get("correlationId") if isinstance(given, dict) else None
        return carried_id(self.attributes.get("x-correlation-id")) or carried_id(said) or self.id

    @property
    def caller(self) -> str | None:
        """Who asks, as the API's authorization established it; None where an API key let them in."""
        identity: Any = self.raw.get("identity")
        own = identity.get("resolverContext") if isinstance(identity, dict) else None
        return caller_of(identity, own=own)


def is_field_context(item: Any) -> bool:
    """Whether this is AppSync's context of a field: arguments, and which field they are for."""
    return isinstance(item, dict) and "arguments" in item and field_of(item) is not None


def field_of(item: Mapping[str, Any]) -> str | None:
    """Return "Type.field", wherever the context says it; Amplify says it at the top."""
    info = item.get("info")
    if isinstance(info, dict) and "fieldName" in info:
        return f"{info.get('parentTypeName')}.{info['fieldName']}"
    return f"{item['typeName']}.{item['fieldName']}" if {"typeName", "fieldName"} <= item.keys() else None


def arguments_decoder(model: Any) -> Callable[[Record[Any]], Any]:
    """Compose what decodes a field's arguments alone."""
    decode = json_decoder(model)
    encode = msgspec.json.encode  # and decoded again: faster than converting, and with JSON's own rules
    return lambda record: decode(encode(_arguments(record.body)))


def request_decoder(model: Any) -> Callable[[Record[Any]], FieldRequest[Any]]:
    """Compose what decodes a field's arguments and all that stands beside them."""
    decode = arguments_decoder(model)

    def request(record: Record[Any]) -> FieldRequest[Any]:
        context = msgspec.convert(record.body, _Context)
        return FieldRequest(
            arguments=decode(record),
            identity=_identity(context.identity),
            source=context.source,
            headers=_lowered(context.request.headers) if context.request else {},
            info=context.info or FieldInfo(context.type_name, context.field_name),
            prev=context.prev.result if context.prev else None,
            stash=context.stash or {},
        )

    return request


def _arguments(context: Any) -> Any:
    if isinstance(context, dict):
        return context.get("arguments", {})
    raise TypeError(f"a request is an object, not a {type(context).__name__}")


class _Headers(Struct):
    headers: Mapping[str, Any] = {}


class _Previous(Struct):
    result: Any = None


class _Caller(Struct, frozen=True, rename="camel"):
    """Every kind of identity as AppSync writes it; none has all of this."""

    sub: str | None = None
    username: str | None = None
    groups: tuple[str, ...] | None = None
    claims: Mapping[str, Any] | None = None
    issuer: str | None = None
    source_ip: tuple[str, ...] | str | None = None
    account_id: str | None = None
    user_arn: str | None = None
    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None
    resolver_context: Mapping[str, Any] | None = None


class _Context(Struct, rename="camel"):
    identity: _Caller | None = None
    source: Mapping[str, Any] | None = None
    request: _Headers | None = None
    info: FieldInfo | None = None
    prev: _Previous | None = None
    stash: Mapping[str, Any] | None = None
    type_name: str = ""
    field_name: str = ""


_NOBODY: Final = _Caller()


def _identity(caller: _Caller | None) -> Identity | None:
    if caller is None or caller == _NOBODY:
        return None
    if (said := caller.resolver_context) is not None:
        sub = said.get("sub")
        return Identity(kind="lambda", sub=sub if isinstance(sub, str) else None, claims=said)
    ips = caller.source_ip or ()
    return Identity(
        kind=_kind(caller),
        sub=caller.sub,
        username=caller.username,
        groups=caller.groups or (),
        claims=caller.claims or {},
        issuer=caller.issuer,
        source_ips=(ips,) if isinstance(ips, str) else ips,
        account_id=caller.account_id,
        user_arn=caller.user_arn,
        cognito_identity_id=caller.cognito_identity_id,
        cognito_identity_pool_id=caller.cognito_identity_pool_id,
    )


def _kind(caller: _Caller) -> IdentityKind:
    """Tell the kinds apart by what only one of them has."""
    if caller.user_arn is not None or caller.account_id is not None:
        return "iam"
    return "oidc" if caller.username is None else "user_pool"


def _lowered(headers: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}
