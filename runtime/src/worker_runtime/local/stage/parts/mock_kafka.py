"""Serves librdkafka's mock cluster: ``python mock_kafka.py``; the first line that it prints says where.

It speaks Kafka's protocol on loopback and keeps what it is sent in memory.
"""

from __future__ import annotations

import signal

from confluent_kafka import Producer

_BROKERS = 1
_ANSWER_TIMEOUT_S = 10.0


def serve() -> None:
    """Serve until a signal ends the process."""
    cluster = Producer({"test.mock.num.brokers": _BROKERS, "log_level": 0})
    brokers = cluster.list_topics(timeout=_ANSWER_TIMEOUT_S).brokers.values()
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)  # noqa: T201 - to be read
    while True:
        signal.pause()


if __name__ == "__main__":
    serve()
