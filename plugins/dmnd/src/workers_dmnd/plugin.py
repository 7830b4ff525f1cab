"""What Lambda needs of the plugin: its settings, and who serves what its workers ask for.

Adapters are imported where they are made, so that a cold start pays for its own worker's only.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from worker_runtime import Environment, Metrics, Provided, hookimpl, provide
from worker_runtime.clients.redis import Redis
from workers_dmnd.extensions import EventExtensionPublisher, PublishesNothing
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.services import (
    CallLimit,
    CampaignStore,
    LinkCache,
    Links,
    SendRate,
    ShortUrlQueue,
    Sms,
    Texts,
)
from workers_dmnd.settings import DemandSettings
from workers_dmnd.tables import TABLES

WORKER_API = (1, 0)
BURST_S: Final = 0.1
"""How many seconds' worth of messages may go out at once after a pause."""


@hookimpl
def settings() -> type[DemandSettings]:
    """Name the type that the settings files fill."""
    return DemandSettings


@hookimpl
def services() -> list[Provided]:
    """Offer what the workers ask for."""
    for_links = (short_url_queue, links, link_cache, call_limit, publisher)
    for_messages = (policy, sms, send_rate, texts)
    return [*TABLES, *for_links, *for_messages, campaigns, redis]


@provide
def short_url_queue(environment: Environment) -> ShortUrlQueue:
    """Queue events on SQS."""
    from worker_runtime.clients.sqs import Queue
    from workers_dmnd.adapters.sqs import SqsShortUrlQueue

    return SqsShortUrlQueue(Queue(environment.named("queue", "event-short-url")))


@provide
def links(settings: DemandSettings, cache: LinkCache, limit: CallLimit, metrics: Metrics) -> Iterator[Links]:
    """Have Bitly make links, as few as possible and no faster than it allows."""
    from worker_runtime.clients.http import HttpService
    from workers_dmnd.adapters.bitly import Bitly
    from workers_dmnd.shortening import FrugalLinks

    bitly, wanted = settings.http.bitly, settings.short_url
    with closing(HttpService(bitly.base_url, name="bitly", timeout_s=bitly.timeout_ms / 1000)) as http:
        made = Bitly(http, token=bitly.secret.reveal, domain=wanted.domain, group_guid=wanted.group_guid)
        yield FrugalLinks(made, cache=cache, limit=limit, allowed_hosts=wanted.allowed_hosts, metrics=metrics)


@provide
def link_cache(redis: Redis, settings: DemandSettings) -> LinkCache:
    """Keep links in Redis."""
    from workers_dmnd.adapters.redis_link_cache import RedisLinkCache

    wanted = settings.short_url
    return RedisLinkCache(redis, domain=wanted.domain, group_guid=wanted.group_guid)


@provide
def call_limit(redis: Redis, settings: DemandSettings) -> CallLimit:
    """Count calls to Bitly in Redis."""
    from workers_dmnd.adapters.redis_call_limit import RedisCallLimit

    return RedisCallLimit(redis, per_minute=settings.short_url.rate_per_minute)


@provide
def publisher() -> EventExtensionPublisher:
    """Publish short links nowhere."""
    return PublishesNothing()


@provide
def policy(settings: DemandSettings) -> NotificationPolicy:
    """Read what is assumed of notifications from the settings."""
    return settings.notification


@provide
def sms(settings: DemandSettings, environment: Environment) -> Iterator[Sms]:
    """Have the SMS service send, as the role that it lets in."""
    from worker_runtime.clients.breaker import circuit_breaker
    from worker_runtime.clients.http import HttpService
    from worker_runtime.clients.sigv4 import SigV4
    from workers_dmnd.adapters.sms import HttpSms

    service, breaker = settings.http.sms, circuit_breaker("sms")
    auth = SigV4(environment.named("role", "sms"))
    timeout_s = service.timeout_ms / 1000
    with closing(
        HttpService(service.base_url, name="sms", timeout_s=timeout_s, breaker=breaker, auth=auth)
    ) as http:
        yield HttpSms(http, breaker=breaker)


@provide
def send_rate(redis: Redis, policy: NotificationPolicy) -> SendRate:
    """Let all senders together send so many messages a second, counted in Redis."""
    from worker_runtime.clients.token_bucket import TokenBucket

    per_s = policy.sms_per_second
    return TokenBucket(redis, "rl:sms", rate_per_s=per_s, burst=max(per_s * BURST_S, 1))


@provide
def texts(policy: NotificationPolicy) -> Texts:
    """Write texts from the templates that the package brings."""
    from workers_dmnd.texts import PackagedTexts

    return PackagedTexts(max_septets=policy.max_body_septets)


@provide
def campaigns(settings: DemandSettings, redis: Redis) -> Iterator[CampaignStore]:
    """Find campaigns in the Campaign Service, through Redis."""
    from worker_runtime.clients.breaker import circuit_breaker
    from worker_runtime.clients.http import HttpService
    from workers_dmnd.adapters.campaigns import CampaignService
    from workers_dmnd.adapters.redis_campaigns import RedisCampaigns
    from workers_dmnd.adapters.single_flight import SingleFlight

    wanted, breaker = settings.http.campaign, circuit_breaker("campaign")
    with closing(
        HttpService(wanted.base_url, name="campaign", timeout_s=wanted.timeout_ms / 1000, breaker=breaker)
    ) as http:
        yield RedisCampaigns(CampaignService(http), redis=redis, flight=SingleFlight(redis))


@provide
def redis(environment: Environment) -> Iterator[Redis]:
    """Reach the plugin's Redis, reads through its replica where there is one; not while it is down."""
    from worker_runtime.clients.breaker import circuit_breaker

    url, replica = environment.named("redis", "dmnd"), environment.variables.get("DMND_REDIS_READ_ONLY_URL")
    with closing(Redis(url, read_only_url=replica, breaker=circuit_breaker("redis"))) as reached:
        yield reached
