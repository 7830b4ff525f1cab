"""Serves librdkafka's mock cluster: ``python mock_kafka.py [FOLDER PORT [GROUP...]]``.

It prints ``serves`` and where. It speaks Kafka's protocol on loopback and has what it is
sent in memory; with FOLDER it goes on from what is there, and writes all topics and the offsets of
the groups to it when SIGTERM asks it to end. The cluster chooses its port itself; PORT (0: any) leads
there, which is enough for clients: they ask once where the cluster is.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from confluent_kafka import Producer

_BROKERS = 1
_ANSWER_TIMEOUT_S = 10.0


def serve(folder: Path | None, *, port: int, groups: list[str]) -> None:
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
    from worker_runtime.local.stage.parts.ports import LOOPBACK  # noqa: PLC0415 - as above
    from worker_runtime.local.stage.parts.tcp_relay import relay  # noqa: PLC0415 - as above

    kept_topics.restore(folder, servers=servers)
    with relay(port, to=int(servers.rpartition(":")[2])) as way_in:
        _say(f"{LOOPBACK}:{way_in.port}")
        signal.sigwait(asked_to_end)
    kept_topics.save(folder, servers=servers, groups=groups)


def _say(servers: str) -> None:
    print(f"serves {servers}", flush=True)  # noqa: T201 - to be read


if __name__ == "__main__":
    match sys.argv[1:]:
        case [folder, port, *groups]:
            serve(Path(folder), port=int(port), groups=groups)
        case _:
            serve(None, port=0, groups=[])
