"""The two questions about an MSK cluster that a grant of one allows, answered for the stage's Kafka.

The emulator has no brokers, and an endpoint of somebody else's has not ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from worker_runtime.local.stage.door.rest_calls import on_the_wire
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from worker_runtime.local.stage.parts.http_wire import WireMessage

_BROKERS: Final = ("/v1/clusters/", "/bootstrap-brokers")
_DESCRIBED: Final = "/api/v2/clusters/"


@dataclass(frozen=True, slots=True)
class MskCalls:
    """``RestCalls`` of a gateway: what is asked about one of these clusters (ARNs), all else passes."""

    clusters: frozenset[str]
    servers: str

    def __call__(self, message: WireMessage) -> bytes | None:
        """Answer GetBootstrapBrokers and DescribeClusterV2."""
        method, target, _ = message.start
        path = unquote(target.partition("?")[0])
        if method != "GET":
            return None
        head, tail = _BROKERS
        if path.removeprefix(head).removesuffix(tail) in self.clusters:
            return _answer({"bootstrapBrokerString": self.servers})
        arn = path.removeprefix(_DESCRIBED)
        return _answer({"clusterInfo": _described(arn)}) if arn in self.clusters else None


def _described(arn: str) -> dict[str, Any]:
    name = arn.split("/")[1]
    return {"clusterArn": arn, "clusterName": name, "clusterType": "PROVISIONED", "state": "ACTIVE"}


def _answer(body: dict[str, Any]) -> bytes:
    return on_the_wire(Response.json(body))
