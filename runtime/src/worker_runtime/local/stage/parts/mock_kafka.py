"""Serves librdkafka's mock cluster: ``python mock_kafka.py [FOLDER [GROUP...]]``.

It prints ``serves`` and where. It speaks Kafka's protocol on loopback and has what it is
sent in memory; with FOLDER it goes on from what is there, and writes all topics and the offsets of
the groups to it when SIGTERM asks it to end.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from confluent_kafka import Producer

_BROKERS = 1
_ANSWER_TIMEOUT_S = 10.0


def serve(folder: Path | None, groups: list[str]) -> None:
    """Serve until SIGTERM."""
    asked_to_end = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, asked_to_end)  # before there are threads: it is waited for below
    cluster = Producer({"test.mock.num.brokers": _BROKERS, "log_level": 0})
    brokers = cluster.list_topics(timeout=_ANSWER_TIMEOUT_S).brokers.values()
    servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    if folder is None:
        _say(servers)
        signal.sigwait(asked_to_end)
        return
    from worker_runtime.local.stage.parts import kept_topics  # noqa: PLC0415 - where something is kept

    kept_topics.restore(folder, servers=servers)
    _say(servers)
    signal.sigwait(asked_to_end)
    kept_topics.save(folder, servers=servers, groups=groups)


def _say(servers: str) -> None:
    print(f"serves {servers}", flush=True)  # noqa: T201 - to be read


if __name__ == "__main__":
    serve(Path(sys.argv[1]) if sys.argv[1:] else None, sys.argv[2:])
