"""A real broker: it serves Kafka's clients on loopback, and leaves nothing behind."""

from __future__ import annotations

import pytest

from worker_runtime.local.stage.parts.kafka_broker import KafkaBroker
from worker_runtime.local.stage.parts.ports import accepts, listeners

kafka = pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed")


def test_it_serves_on_loopback_only() -> None:
    with KafkaBroker() as broker:
        client = kafka.Producer({"bootstrap.servers": broker.servers})
        client.produce("things", b"value")

        assert client.flush(5) == 0
        assert broker.pid is not None
        found = listeners(broker.pid)
        assert found
        assert all(address.is_loopback for address, _ in found)


def test_a_stopped_one_leaves_no_process_and_no_port() -> None:
    with KafkaBroker() as broker:
        port = int(broker.servers.rpartition(":")[2])
        served = accepts(port)

    assert served
    assert broker.pid is None
    assert not accepts(port)
