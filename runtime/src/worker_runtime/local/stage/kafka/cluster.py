"""The Kafka that a stage's workers meet: a broker of its own, somebody else's, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.stage.kafka.msk_calls import MskCalls
from worker_runtime.local.stage.kafka.needs import SERVERS_VARIABLE, clusters_of, groups_of, sources_of
from worker_runtime.local.stage.kafka.provisioning import cluster_arn, provision_kafka
from worker_runtime.local.stage.parts.kafka_broker import KafkaBroker
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from worker_runtime.local.stage.keeping.kept import Kept
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.parts.http_wire import WireMessage
    from worker_runtime.workers import Declaration


def cluster_for(
    declarations: Mapping[str, Declaration], *, servers: str | None, kept: Kept | None = None
) -> KafkaCluster:
    """Prepare the Kafka that these workers need; ``servers`` takes one that is there already.

    Else it is a broker of the stage's own, which goes on from what is ``kept``.
    """
    declared = list(declarations.values())
    if servers is not None or not (sources_of(declared) or clusters_of(declared)):
        return KafkaCluster(declared, broker=None, servers=servers or "")
    if kept is None:
        return KafkaCluster(declared, broker=KafkaBroker())
    groups = sorted({group for each in declarations.items() for group in groups_of(*each)})
    return KafkaCluster(declared, broker=kept.kafka(groups=groups))


class KafkaCluster(Part):
    """One cluster, which all clusters' names stand for; ``servers`` is empty where nobody needs it."""

    def __init__(self, declared: list[Declaration], *, broker: KafkaBroker | None, servers: str = "") -> None:
        self._declared = declared
        self._broker = broker
        self.servers = servers
        self._msk = MskCalls(frozenset(), servers)

    def start(self) -> Self:
        """Start the broker, where it is the stage's own."""
        if self._broker is not None:
            self.servers = self._broker.start().servers
        return self

    def stop(self) -> None:
        """Stop the broker, where it is the stage's own."""
        if self._broker is not None:
            self._broker.stop()

    def provision(self, names: Names, *, region: str) -> None:
        """Make the topics, and name them and the clusters."""
        if not self.servers:
            return
        provision_kafka(self._declared, names, servers=self.servers, region=region)
        arns = (cluster_arn(each, region=region) for each in clusters_of(self._declared))
        self._msk = MskCalls(frozenset(arns), self.servers)

    def calls(self, message: WireMessage) -> bytes | None:
        """Answer what workers ask AWS about their clusters; None lets another call pass."""
        return self._msk(message)

    def variables(self) -> dict[str, str]:
        """Return the environment variable with which a person's command finds it."""
        return {SERVERS_VARIABLE: self.servers} if self.servers else {}
