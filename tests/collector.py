"""An OpenTelemetry collector on loopback: takes spans by OTLP over HTTP and hands them out decoded."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from worker_runtime.local.stage.parts.http_server import Request


class Collector(StandIn):
    """Keeps what it was sent: spans in the order in which they ended, and who sent them."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Span] = []
        self.resource: dict[str, Any] = {}

    def handle(self, request: Request) -> Response:
        """Decode the spans of one request."""
        assert request.path == "/v1/traces"
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") else request.body
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = values(sent.resource.attributes)
            for scope in sent.scope_spans:
                self.spans.extend(scope.spans)
        return Response(headers={"Content-Type": "application/x-protobuf"})


def values(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Read attributes as plain values."""
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in attributes}
