"""The plugin's settings; their values are in the files beside, ``default`` first, later wins."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from worker_runtime import Secret, Settings
from workers_dmnd.policy import NotificationPolicy

Name = Annotated[str, Meta(min_length=1)]
Positive = Annotated[int, Meta(ge=1)]


class BitlySettings(Settings, frozen=True):
    """Where Bitly is, how long an answer may take, and the secret that holds the access token."""

    base_url: Name
    timeout_ms: Positive
    secret: Secret


class ServiceSettings(Settings, frozen=True):
    """Where one of our own services is, and how long an answer may take."""

    base_url: Name
    timeout_ms: Positive = 5000


class HttpSettings(Settings, frozen=True):
    """The outside services."""

    bitly: BitlySettings
    sms: ServiceSettings
    campaign: ServiceSettings


class ShortUrlSettings(Settings, frozen=True):
    """Which URLs are shortened, into which of Bitly's domains and groups, and how fast.

    ``rate_per_minute`` counts the calls of all workers together.
    """

    domain: Name
    group_guid: Name
    rate_per_minute: Positive
    allowed_hosts: tuple[Name, ...]


class DemandSettings(Settings, frozen=True):
    """All settings of the plugin."""

    http: HttpSettings
    short_url: ShortUrlSettings
    notification: NotificationPolicy
