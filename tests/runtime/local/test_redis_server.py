"""A real Redis: it serves, dies, and comes back empty on the same port."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis

from worker_runtime.local.stage.parts.part import PartBroken
from worker_runtime.local.stage.parts.ports import accepts, listeners
from worker_runtime.local.stage.parts.redis_server import RedisServer, find_redis_server


def test_it_serves_on_loopback_only() -> None:
    with RedisServer() as server, redis.Redis.from_url(server.url) as client:
        client.set("key", "value")

        assert client.get("key") == b"value"
        assert server.pid is not None
        assert all(address.is_loopback for address, _ in listeners(server.pid))


def test_one_that_was_killed_comes_back_empty_on_its_port() -> None:
    with RedisServer() as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
        port = server.port

        server.kill()
        served_while_down = accepts(port)
        server.start()

        with redis.Redis.from_url(server.url) as client:
            assert client.get("key") is None
        assert server.port == port
        assert not served_while_down


def test_it_hangs_up_on_all_and_keeps_what_it_has() -> None:
    with RedisServer() as server, redis.Redis.from_url(server.url) as client:
        client.set("key", "value")
        connected = client.client_id()

        server.hang_up()

        assert client.get("key") == b"value"
        assert client.client_id() != connected


def test_while_it_pauses_answers_are_late_and_right() -> None:
    with RedisServer() as server, redis.Redis.from_url(server.url) as client:
        client.set("key", "value")
        began = time.monotonic()

        server.pause(for_s=0.2)

        assert client.get("key") == b"value"
        assert time.monotonic() - began > 0.15


def test_a_stopped_one_leaves_no_process_and_no_port() -> None:
    with RedisServer() as server:
        pid = server.pid

    assert not Path(f"/proc/{pid}").exists()
    assert not accepts(server.port)


def test_a_port_that_is_taken_is_reported_with_what_redis_said() -> None:
    with RedisServer() as first:
        second = RedisServer(port=first.port)

        with pytest.raises(PartBroken, match=rf"did not come up on port {first.port}"):
            second.start()


def test_where_none_is_found_the_cure_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartBroken, match=r"redis-server.*install redis"):
        find_redis_server([tmp_path / "redis-server"])
