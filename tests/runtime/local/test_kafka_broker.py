"""A real broker: it serves Kafka's clients on loopback, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.local.stage.parts.kafka_broker import KafkaBroker
from worker_runtime.local.stage.parts.part import PartBroken
from worker_runtime.local.stage.parts.ports import accepts, free_port, listeners

if TYPE_CHECKING:
    from pathlib import Path

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


def test_one_that_is_kept_goes_on_with_its_topics_and_groups(tmp_path: Path) -> None:
    with KafkaBroker(kept_in=tmp_path, groups=["readers"]) as broker:
        client = kafka.Producer({"bootstrap.servers": broker.servers})
        for at in range(3):
            client.produce("things", f"v{at}", key=b"k", partition=1, headers=[("h", b"x")], timestamp=12_345)
        client.produce("things", None, partition=2)
        client.flush(5)
        commit("readers", broker, offset=2)

    with KafkaBroker(kept_in=tmp_path, groups=["readers"]) as broker:
        records, group = held(broker, partition=1), committed("readers", broker)
        tombstone = held(broker, partition=2)
    assert [(each.offset(), each.value(), each.key()) for each in records] == [
        (0, b"v0", b"k"),
        (1, b"v1", b"k"),
        (2, b"v2", b"k"),
    ]
    assert (records[0].timestamp()[1], records[0].headers()) == (12_345, [("h", b"x")])
    assert [each.value() for each in tombstone] == [None]
    assert group == 2


def test_a_group_keeps_its_place_in_a_topic_that_has_nothing_yet(tmp_path: Path) -> None:
    with KafkaBroker(kept_in=tmp_path, groups=["readers"]) as broker:
        kafka.Producer({"bootstrap.servers": broker.servers}).list_topics("things", timeout=5)
        commit("readers", broker, offset=0)

    with KafkaBroker(kept_in=tmp_path, groups=["readers"]) as broker:
        assert committed("readers", broker) == 0


def test_one_that_is_kept_is_found_where_it_was_by_who_found_it_before(tmp_path: Path) -> None:
    port = free_port()
    with KafkaBroker(kept_in=tmp_path, port=port) as broker:
        servers = broker.servers
        client = kafka.Producer({"bootstrap.servers": servers})
        client.produce("things", b"before", partition=1)
        first_went = client.flush(5) == 0

    with KafkaBroker(kept_in=tmp_path, port=port) as broker:
        client.produce("things", b"after", partition=1)
        second_went = client.flush(10) == 0
        again = broker.servers
        values = [each.value() for each in held(broker, partition=1)]

    assert servers == again == f"127.0.0.1:{port}"
    assert (first_went, second_went) == (True, True)
    assert values == [b"before", b"after"]


def test_records_keep_their_offsets_where_the_oldest_are_gone(tmp_path: Path) -> None:
    with KafkaBroker(kept_in=tmp_path) as broker:
        client = kafka.Producer({"bootstrap.servers": broker.servers})
        for at in range(14):
            client.produce("things", f"{at:500000}", partition=1)
            client.flush(5)
        before = [(each.offset(), each.value()) for each in held(broker, partition=1)]

    with KafkaBroker(kept_in=tmp_path) as broker:
        after = [(each.offset(), each.value()) for each in held(broker, partition=1)]
    assert 0 < len(before) < 14
    assert after == before


def test_one_that_was_killed_before_it_wrote_its_topics_is_not_gone_on_with(tmp_path: Path) -> None:
    with KafkaBroker(kept_in=tmp_path) as broker:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)

    with pytest.raises(PartBroken, match="was killed before it wrote its topics"):
        KafkaBroker(kept_in=tmp_path).start()


def client_of(group: str, broker: KafkaBroker) -> Any:
    settings = {"bootstrap.servers": broker.servers, "group.id": group, "fetch.wait.max.ms": 10}
    return kafka.Consumer({**settings, "enable.auto.commit": False, "auto.offset.reset": "earliest"})


def commit(group: str, broker: KafkaBroker, *, offset: int) -> None:
    consumer = client_of(group, broker)
    consumer.commit(offsets=[kafka.TopicPartition("things", 1, offset)], asynchronous=False)
    consumer.close()


def committed(group: str, broker: KafkaBroker) -> int:
    consumer = client_of(group, broker)
    (found,) = consumer.committed([kafka.TopicPartition("things", 1)], timeout=5)
    consumer.close()
    offset: int = found.offset
    return offset


def held(broker: KafkaBroker, *, partition: int) -> list[Any]:
    consumer = client_of("lookers", broker)
    first, end = consumer.get_watermark_offsets(kafka.TopicPartition("things", partition), timeout=5)
    consumer.assign([kafka.TopicPartition("things", partition, first)])
    found: list[Any] = []
    while len(found) < end - first:
        found += consumer.consume(end - first - len(found), timeout=1)
    consumer.close()
    return found
