"""Campaigns that were asked for lately, kept in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime import clock
from workers_dmnd.models import Campaign

if TYPE_CHECKING:
    from redis import Redis as Connection

    from worker_runtime.clients.redis import Redis
    from workers_dmnd.adapters.single_flight import SingleFlight
    from workers_dmnd.services import CampaignStore

KEPT_S: Final = 300.0


class RedisCampaigns:
    """Serves ``CampaignStore`` with another one behind it, which hears of a campaign once in five minutes.

    While Redis is down it hears of each. What is not there is not remembered.
    """

    def __init__(self, behind: CampaignStore, *, redis: Redis, flight: SingleFlight) -> None:
        self._behind = behind
        self._redis = redis
        self._flight = flight

    def find(self, campaign_id: str) -> Campaign | None:
        """Return a campaign, five minutes old at most; None where there is none."""
        key = f"campaign:{campaign_id}"

        def kept(redis: Connection) -> Any:
            return redis.get(key)

        def ask() -> Campaign | None:
            campaign = self._behind.find(campaign_id)
            if campaign is not None:
                self._keep(key, campaign)
            return campaign

        return _read(self._redis.read(kept, default=None)) or self._flight.share(
            f"campaign:lock:{campaign_id}",
            seen=lambda: _read(self._redis.write(kept, default=None)),  # a replica may be late
            make=ask,
        )

    def _keep(self, key: str, campaign: Campaign) -> None:
        text = msgspec.json.encode(campaign).decode()
        kept_ms = max(int(clock.machine_s(KEPT_S) * 1000), 1)  # Redis counts the machine's time
        self._redis.write(lambda redis: redis.set(key, text, px=kept_ms), default=None)


def _read(kept: str | None) -> Campaign | None:
    """Read what is kept; what an older version wrote is asked for anew."""
    try:
        return None if kept is None else msgspec.json.decode(kept, type=Campaign)
    except msgspec.MsgspecError:
        return None
