"""What an HTTP event says of itself, in both of its forms: REST APIs' 1.0, and 2.0 of HTTP APIs and URLs."""

from __future__ import annotations

import functools
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.invocation import Invocation
from worker_runtime.records import Record, T, carried_id, moment
from worker_runtime.sources.http_fields import Headers
from worker_runtime.sources.said_inside import CORRELATION, said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

CORRELATION_HEADER: Final = "x-correlation-id"

_invocation: Final = Invocation()


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

    @functools.cached_property
    def raw_body(self) -> bytes:
        """The bytes that were sent, none for no body; raises ValueError or TypeError where they are none."""
        text = self.raw.get("body")
        if text is None:
            return b""
        if not isinstance(text, str):
            raise TypeError(f"a body is text, not {type(text).__name__}")
        return (
            a2b_base64(text, strict_mode=True) if self.raw.get("isBase64Encoded") is True else text.encode()
        )

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
        """Its ``X-Correlation-Id`` header, else the ``correlationId`` of its body, else its own id."""
        return self._said or self.id

    @functools.cached_property
    def _said(self) -> str | None:
        headers = self.headers
        if said := carried_id(headers.get(CORRELATION_HEADER) or headers.get(CORRELATION)):
            return said
        try:
            return said_inside(self.raw_body)
        except (TypeError, ValueError):  # a poison body says nothing
            return None


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
