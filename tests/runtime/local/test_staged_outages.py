"""How what the workers talk to fails and slows down: each of it once, noted, and drawn from the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.gateway import Gateway
from worker_runtime.local.stage.lineage.happenings import Struck
from worker_runtime.local.stage.parts.http_server import Request, Response
from worker_runtime.local.stage.parts.redis_server import RedisServer
from worker_runtime.local.stage.parts.stand_in import StandIn
from worker_runtime.local.stage.staged_outages import Fragile

if TYPE_CHECKING:
    from worker_runtime.local.stage.lineage.happenings import Happening


class Links(StandIn):
    """A service that answers."""

    def handle(self, request: Request) -> Response:  # noqa: ARG002 - whatever it is
        return Response()


class Heard:
    """A journal that keeps all."""

    def __init__(self) -> None:
        self.told: list[Happening] = []

    def note(self, happening: Happening) -> None:
        self.told.append(happening)


def fragile(heard: Heard, server: RedisServer | None = None) -> Fragile:
    return Fragile(
        gateway=Gateway.front("http://127.0.0.1:9", rest=lambda _: None, port=0),
        stand_ins={"links": Links(), "sms": Links()},
        redis=server,
        clock=SteppedClock(),
        journal=heard,
    )


def places(kind: str, *, seed: int) -> list[str]:
    """Let all of a kind happen and tell where, in this order."""
    heard = Heard()
    around = fragile(heard)
    for happen in around.outages(seed=seed) if kind == "outage" else around.slowness(seed=seed):
        happen()
    struck = [each for each in heard.told if isinstance(each, Struck)]
    assert {each.kind for each in struck} == {kind}
    return [each.place for each in struck]


def test_aws_and_each_service_refuse_once_and_hang_up_once() -> None:
    assert sorted(places("outage", seed=1)) == ["AWS", "AWS", "links", "links", "sms", "sms"]


def test_aws_and_each_service_are_slow_once() -> None:
    assert sorted(places("latency", seed=1)) == ["AWS", "links", "sms"]


@pytest.mark.parametrize("kind", ["outage", "latency"])
def test_the_seed_decides_the_order(kind: str) -> None:
    orders = [places(kind, seed=seed) for seed in range(10)]

    assert orders == [places(kind, seed=seed) for seed in range(10)]
    assert len({tuple(order) for order in orders}) > 1


def test_redis_comes_back_empty_and_hangs_up_and_is_slow() -> None:
    with RedisServer() as server:
        around = fragile(Heard(), server)
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")

            for happen in [*around.outages(seed=1), *around.slowness(seed=1)]:
                happen()

        with redis.Redis.from_url(server.url) as client:
            assert client.get("key") is None
