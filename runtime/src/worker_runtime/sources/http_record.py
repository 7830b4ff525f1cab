"""What an HTTP event says of itself, in both of its forms: REST APIs' 1.0, and 2.0 of HTTP APIs and URLs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.base64_text import decode_base64
from worker_runtime.invocation import Invocation
from worker_runtime.records import Record, T, carried_id, moment
from worker_runtime.sources.callers import caller_of
from worker_runtime.sources.http_fields import Headers
from worker_runtime.sources.said_inside import CORRELATION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

CORRELATION_HEADER: Final = "x-correlation-id"
_PADDING: Final = 2  # the last four characters of base64 may be a single byte

_invocation: Final = Invocation()
_OTHERS: Final = frozenset(("claims", "jwt", "lambda", "iam", "scopes", "integrationLatency"))
"""What else than its words stands where a Lambda authorizer's are."""


def is_v1(event: Any) -> bool:
    """Whether it is a request in form 1.0; a load balancer's has no resource, an authorizer's an ARN."""
    return (
        isinstance(event, dict)
        and isinstance(event.get("httpMethod"), str)
        and isinstance(event.get("resource"), str)
        and isinstance(event.get("requestContext"), dict)
        and "elb" not in event["requestContext"]
        and "methodArn" not in event
    )


def is_v2(event: Any) -> bool:
    """Whether it is a request in form 2.0; VPC Lattice's, of the same version, says nothing of HTTP."""
    return (
        isinstance(event, dict)
        and event.get("version") == "2.0"
        and isinstance(event.get("requestContext"), dict)
        and isinstance(event["requestContext"].get("http"), dict)
        and "routeArn" not in event
    )


class HttpRecord(Record[T], frozen=True, dict=True, gc=True):
    """The one request of an event; ``id`` is what API Gateway calls it."""

    @functools.cached_property
    def headers(self) -> Headers:
        """Its headers, all lines of each."""
        return Headers(within(self.raw, "headers") | within(self.raw, "multiValueHeaders"))

    @property
    def least_bytes(self) -> int:
        """How many bytes were sent at least, told without a look at them."""
        size = len(text_at(self.raw, "body"))
        return size // 4 * 3 - _PADDING if self.raw.get("isBase64Encoded") is True else size

    @functools.cached_property
    def raw_body(self) -> bytes:
        """The bytes that were sent, none for no body; raises ValueError or TypeError where they are none."""
        text = self.raw.get("body")
        if text is None:
            return b""
        if not isinstance(text, str):
            raise TypeError(f"a body is text, not {type(text).__name__}")
        return decode_base64(text) if self.raw.get("isBase64Encoded") is True else text.encode()

    @property
    def sent_at(self) -> datetime | None:
        """When API Gateway received it, in UTC."""
        context = within(self.raw, "requestContext")
        return moment(context.get("requestTimeEpoch", context.get("timeEpoch")), per_second=1000)

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its headers: ``traceparent`` and ``X-Amzn-Trace-Id`` among them, names in any case."""
        return self.headers

    @property
    def correlation_id(self) -> str:
        """Its ``X-Correlation-Id`` header, else its own id; its body is nobody's before it is checked."""
        headers = self.headers
        return carried_id(headers.get(CORRELATION_HEADER) or headers.get(CORRELATION)) or self.id

    @property
    def caller(self) -> str | None:
        """Who asks, as API Gateway's authorizer or IAM established it; None where it lets in anybody."""
        context = within(self.raw, "requestContext")
        authorizer = within(context, "authorizer")
        iam = within(authorizer, "iam")
        claims = authorizer.get("claims"), within(authorizer, "jwt").get("claims")
        own = authorizer.keys() - _OTHERS  # REST APIs put a Lambda authorizer's words right here
        return caller_of(
            *(context.get("identity"), iam, iam.get("cognitoIdentity"), *claims),
            own=authorizer.get("lambda") or {name: authorizer[name] for name in own},
        )


def http_record(event: Mapping[str, Any]) -> HttpRecord[Any]:
    """Open an event; one without a request id, as an authorizer's, takes the invocation's."""
    said = within(event, "requestContext").get("requestId")
    named = said if isinstance(said, str) and said else _invocation.request_id or "request"
    return HttpRecord(named, None, event)


def within(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object of an event, an empty one where it is something else."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def text_at(holder: Mapping[str, Any], name: str) -> str:
    """Return a text of an event, an empty one where it is something else."""
    found = holder.get(name)
    return found if isinstance(found, str) else ""
