"""Campaigns over real HTTP and a real Redis: asked for once, and found whatever is broken."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from worker_runtime import Halt, Reject, Retry, Verdict, clock
from worker_runtime.clients.breaker import circuit_breaker
from worker_runtime.clients.http import HttpService
from worker_runtime.clients.redis import Redis
from worker_runtime.clock import ScaledClock
from workers_dmnd.adapters.campaigns import CampaignService
from workers_dmnd.adapters.redis_campaigns import RedisCampaigns
from workers_dmnd.adapters.single_flight import SingleFlight
from workers_dmnd.local.campaign import CampaignStandIn
from workers_dmnd.models import Audience, Campaign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.redis_server import RedisServer

KEY, LOCK = "campaign:c1", "campaign:lock:c1"


@pytest.fixture
def service() -> Iterator[CampaignStandIn]:
    with CampaignStandIn() as running:
        running.put("c1", name="Spring", locales=["en", "fr-CA"])
        yield running


@pytest.fixture
def campaigns(service: CampaignStandIn) -> Iterator[CampaignService]:
    http = HttpService(service.url, name="campaign", timeout_s=2, retries=0)
    yield CampaignService(http)
    http.close()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    redis = Redis(redis_server.url)
    yield redis
    redis.close()


@pytest.fixture
def kept(campaigns: CampaignService, redis: Redis) -> RedisCampaigns:
    return RedisCampaigns(campaigns, redis=redis, flight=SingleFlight(redis))


def stored(redis: Redis, key: str = KEY) -> str | None:
    return redis.write(lambda r: r.get(key), default=None)


# The service


def test_a_campaign_is_found_with_whom_it_speaks_to(campaigns: CampaignService) -> None:
    found = campaigns.find("c1")

    assert found == Campaign("c1", name="Spring", audience=Audience(("en", "fr-CA")))


def test_a_campaign_that_nobody_put_speaks_to_all(campaigns: CampaignService) -> None:
    found = campaigns.find("other")

    assert found is not None
    assert found.audience.locales is None


def test_a_campaign_that_is_gone_is_none(campaigns: CampaignService, service: CampaignStandIn) -> None:
    service.remove("c1")

    assert campaigns.find("c1") is None


def test_an_odd_id_adds_nothing_to_the_request(campaigns: CampaignService, service: CampaignStandIn) -> None:
    campaigns.find("a?b=c&d")

    (exchange,) = service.exchanges
    assert (exchange.request.path, exchange.request.query) == ("/v1/campaigns/a?b=c&d", {})


@pytest.mark.parametrize(
    ("status", "kind"), [(503, Retry), (429, Retry), (401, Halt), (403, Halt), (400, Reject)]
)
def test_any_other_answer_is_a_verdict(
    campaigns: CampaignService, service: CampaignStandIn, status: int, kind: type[Verdict]
) -> None:
    service.fail_next(status=status)

    with pytest.raises(kind):
        campaigns.find("c1")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"campaignId": 7}', b"\xff"])
def test_an_answer_that_is_no_campaign_is_asked_for_again_later(
    campaigns: CampaignService, service: CampaignStandIn, body: bytes
) -> None:
    service.fail_next(status=200, body=body)

    with pytest.raises(Retry):
        campaigns.find("c1")


def test_a_service_that_fails_again_and_again_is_left_alone_for_a_while(service: CampaignStandIn) -> None:
    breaker = circuit_breaker("campaign", failures=3)
    http = HttpService(service.url, name="campaign", timeout_s=2, retries=0, breaker=breaker)
    service.fail_next(10)

    for _ in range(6):
        with pytest.raises(Retry):
            CampaignService(http).find("c1")
    http.close()

    assert service.count() == 3


# What Redis keeps


def test_a_campaign_is_asked_for_once(kept: RedisCampaigns, service: CampaignStandIn) -> None:
    found = [kept.find("c1") for _ in range(3)]

    assert found == [Campaign("c1", name="Spring", audience=Audience(("en", "fr-CA")))] * 3
    assert service.count() == 1


def test_it_is_kept_for_five_minutes_and_the_lock_is_gone(kept: RedisCampaigns, redis: Redis) -> None:
    kept.find("c1")

    left_ms = redis.write(lambda r: r.pttl(KEY), default=0)
    assert 290_000 < left_ms <= 300_000
    assert stored(redis, LOCK) is None


def test_on_a_fast_clock_it_is_kept_for_five_of_its_minutes(kept: RedisCampaigns, redis: Redis) -> None:
    with clock.using(ScaledClock(100, origin=time.time())):
        kept.find("c1")

    left_ms = redis.write(lambda r: r.pttl(KEY), default=0)
    assert 0 < left_ms <= 3_000


def test_one_that_changed_is_seen_when_the_old_one_has_expired(
    kept: RedisCampaigns, redis: Redis, service: CampaignStandIn
) -> None:
    kept.find("c1")
    service.put("c1", locales=["de"])

    before = kept.find("c1")
    redis.write(lambda r: r.delete(KEY), default=None)
    after = kept.find("c1")

    assert before is not None
    assert after is not None
    assert (before.audience.locales, after.audience.locales) == (("en", "fr-CA"), ("de",))


def test_one_that_is_not_there_is_looked_for_each_time(
    kept: RedisCampaigns, service: CampaignStandIn
) -> None:
    service.remove("c1")

    missing = kept.find("c1")
    service.put("c1")
    found = kept.find("c1")

    assert missing is None
    assert found is not None


@pytest.mark.parametrize("value", ["{", '{"name": "of an older version"}', "null", "[]"])
def test_what_nobody_can_read_is_asked_for_anew(
    kept: RedisCampaigns, redis: Redis, service: CampaignStandIn, value: str
) -> None:
    redis.write(lambda r: r.set(KEY, value), default=None)

    found = [kept.find("c1") for _ in range(2)]

    assert [campaign and campaign.name for campaign in found] == ["Spring", "Spring"]
    assert service.count() == 1


def test_without_redis_each_campaign_is_asked_for(
    kept: RedisCampaigns, redis_server: RedisServer, service: CampaignStandIn
) -> None:
    redis_server.kill()
    while_down = [kept.find("c1") for _ in range(2)]
    redis_server.start()
    afterwards = [kept.find("c1") for _ in range(2)]

    assert None not in (*while_down, *afterwards)
    assert service.count() == 3


def test_a_service_that_fails_is_heard_and_leaves_no_lock(
    kept: RedisCampaigns, redis: Redis, service: CampaignStandIn
) -> None:
    service.fail_next()

    with pytest.raises(Retry):
        kept.find("c1")

    assert stored(redis, LOCK) is None
    assert kept.find("c1") is not None


# One call for all who ask


def test_of_many_who_ask_at_once_only_one_calls(
    campaigns: CampaignService, redis_server: RedisServer, service: CampaignStandIn
) -> None:
    service.slow_next(latency_s=0.3)

    def ask(_: int) -> Campaign | None:
        redis = Redis(redis_server.url, timeout_s=2)
        try:
            return RedisCampaigns(campaigns, redis=redis, flight=SingleFlight(redis)).find("c1")
        finally:
            redis.close()

    with ThreadPoolExecutor(32) as threads:
        found = list(threads.map(ask, range(32)))

    assert {campaign and campaign.name for campaign in found} == {"Spring"}
    assert service.count() == 1


def test_whoever_waits_too_long_calls_too(
    kept: RedisCampaigns, redis: Redis, service: CampaignStandIn
) -> None:
    redis.write(lambda r: r.set(LOCK, "somebody who died", px=7_000), default=None)

    with clock.using(ScaledClock(20, origin=time.time())):
        found = kept.find("c1")

    assert found is not None
    assert service.count() == 1
    assert stored(redis, LOCK) == "somebody who died"  # which is theirs to give back


def test_the_next_in_line_takes_over_from_one_who_failed(
    kept: RedisCampaigns, service: CampaignStandIn
) -> None:
    service.fail_next(latency_s=0.2)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(kept.find, "c1")
        time.sleep(0.1)
        second = threads.submit(kept.find, "c1")

    assert isinstance(first.exception(), Retry)
    assert second.result() is not None
    assert service.count() == 2


def test_a_lock_that_expired_and_is_anothers_by_now_is_left_to_them(redis: Redis) -> None:
    def make() -> str:
        redis.write(lambda r: r.set("lock", "another's"), default=None)
        return "made"

    made = SingleFlight(redis).share("lock", seen=lambda: None, make=make)

    assert made == "made"
    assert stored(redis, "lock") == "another's"
